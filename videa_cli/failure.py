"""How an error is shown: one line of what is wrong, one line of what to do."""

from __future__ import annotations

import json
import os
import sys

from ops.errors import VideaError


def show_failure(error: VideaError, as_json: bool, verbose: bool) -> None:
    """Two lines on stderr, or one JSON object on stdout; with ``verbose`` what lies behind it on stderr too."""
    if as_json:
        sys.stdout.write(json.dumps({"error": error.message, "hint": error.hint}) + "\n")
    else:
        red, plain = ("\033[31m", "\033[0m") if colours(sys.stderr.isatty()) else ("", "")
        sys.stderr.write(f"{red}error:{plain} {error.message}\n hint: {error.hint}\n")
    if verbose and error.detail:
        sys.stderr.write(f"\n{error.detail.rstrip()}\n")


def colours(terminal: bool) -> bool:
    """Whether to use colours: only on a terminal, and never with NO_COLOR (https://no-color.org)."""
    return terminal and not os.environ.get("NO_COLOR")
