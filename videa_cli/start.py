"""The entry point: Ctrl-C shows no traceback even while Python loads the other modules."""

from __future__ import annotations

import os
import sys

PLUGIN = "docker-videa"
"""The name under which the docker command starts videa."""


def run() -> None:
    """Runs the command line; see ``videa_cli.main.run``."""
    try:
        if os.path.basename(sys.argv[0]) == PLUGIN:  # noqa: PTH119 (without loading pathlib)
            from videa_cli.docker_plugin import METADATA, metadata

            if sys.argv[1:] == [METADATA]:
                print(metadata())  # noqa: T201
                return
        from videa_cli.main import run as run_main
    except KeyboardInterrupt:
        print("interrupted; nothing was changed", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    run_main()
