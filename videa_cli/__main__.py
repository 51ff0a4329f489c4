"""`python -m videa_cli`: for processes that know the Python interpreter, but not where the command is installed."""

from __future__ import annotations

import sys

from videa_cli.start import run

if __name__ == "__main__":
    sys.argv[0] = "videa"
    run()
