"""The entry point: Ctrl-C shows no traceback even while Python loads the other modules."""

from __future__ import annotations

import sys


def run() -> None:
    """Runs the command line; see ``videa_cli.main.run``."""
    try:
        from videa_cli.main import run as run_main
    except KeyboardInterrupt:
        print("interrupted; nothing was changed", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    run_main()
