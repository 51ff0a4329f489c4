"""Containers whose output Docker does not read for a while."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def unread(*processes: int) -> Iterator[None]:
    """Stops what passes the containers' output on to Docker. ``processes``: the first one of each container."""
    if os.geteuid() != 0:
        pytest.skip("only root may stop the engine's processes")
    shims = []
    for process in processes:
        stat = Path(f"/proc/{process}/stat").read_text()
        shims.append(int(stat.rpartition(")")[2].split()[1]))
        assert b"shim" in Path(f"/proc/{shims[-1]}/cmdline").read_bytes()
    try:
        for shim in shims:
            os.kill(shim, signal.SIGSTOP)
        yield
    finally:
        for shim in shims:
            os.kill(shim, signal.SIGCONT)
