"""The entry point, which lets Ctrl-C show no traceback even while Python loads the other modules."""

from __future__ import annotations

import gc
import os
import sys

COLLECT_EVERY = 20_000
"""New objects before Python collects garbage, instead of 700: a command creates many, keeps them all, and ends soon."""

PLUGIN = "docker-videa"
"""The name under which the docker command starts videa."""


def run() -> None:
    """Runs the command line; see ``videa_cli.main.run``."""
    gc.disable()  # imports leave no garbage: collecting takes a tenth of their time
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
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)
    gc.enable()
    run_main()
