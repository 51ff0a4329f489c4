"""Writing to a closed output does not fail."""

from __future__ import annotations

import os
import sys

import pytest

from ops.balancer.proof import Proof
from ops.events import announced
from ops.notices import PoolsUnchecked
from videa_cli.render import Progress, show_proof
from videa_cli.streams import Unbroken


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_writing_to_a_closed_output_does_not_fail(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe() if kind == "pipe" else os.openpty()
    with os.fdopen(writer, "w", buffering=1) as stream:
        os.close(reader)
        with pytest.raises(OSError, match=r"Broken pipe|Input/output error"):
            os.write(writer, b"x")
        monkeypatch.setattr(sys, "stderr", stream)
        progress = Progress()
        with announced("start 1 replica", progress):
            progress(PoolsUnchecked("so"))
        progress.close()
        monkeypatch.setattr(sys, "stdout", stream)
        show_proof(Proof(requests=1, failed=0, slowest_ms=1.0, failures=(), probes=0, gap=""))
        unbroken = Unbroken(stream)
        assert unbroken.write("more\n") == len("more\n")
        unbroken.flush()
        assert unbroken.isatty() in (True, False)
