"""Threads of the agent read x-videa at the same time; msgspec alone would end the process with a segmentation fault."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading
from ops.project.section import read_settings
sys.setswitchinterval(1e-6)
together = threading.Barrier(16)
def read():
    together.wait()
    read_settings({"service": "web", "health": {"ready": "/x"}})
threads = [threading.Thread(target=read) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@pytest.mark.parametrize("process", range(5))
def test_a_process_may_first_read_x_videa_in_several_threads(process: int) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
