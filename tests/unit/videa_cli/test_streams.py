"""What is told goes on, unseen, where nobody reads any more."""

from __future__ import annotations

import os
import sys

import pytest

from ops.balancer.proof import Proof
from ops.events import PoolsUnchecked, announced
from videa_cli.render import Progress, show_proof
from videa_cli.streams import Unbroken


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_writing_where_nobody_reads_any_more_does_not_fail(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
        told = Unbroken(stream)
        assert told.write("and so on\n") == len("and so on\n")
        told.flush()
        assert told.isatty() in (True, False)
