"""Ctrl-C before the command line is parsed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from videa_cli.exit_codes import ExitCode

ROOT = Path(__file__).parents[3]
INTERRUPTED_WHILE_LOADING = """
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == "videa_cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
from videa_cli.start import run
run()
"""


def test_an_interrupt_while_python_loads_shows_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, "interrupted; nothing was changed\n")
