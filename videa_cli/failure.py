"""Shows an error: one line says what is wrong, one line says what to do."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from ops.errors import VideaError
from videa_cli.json_output import Json, show_result

LONGEST_LINE = 1000
"""Maximum characters of a line; a message may quote an argument of any length."""


def show_failure(error: VideaError, as_json: Json, verbose: bool, code: int = 1) -> None:
    """Prints two lines on stderr, or one JSON object on stdout; with ``verbose`` also the details, on stderr.

    With JSON events, prints both: the object is the last line, with the exit ``code``. An error that ``shows_detail``
    always shows the details. Prints nothing if the output is closed, for example with the terminal: the exit code still
    reports the error.
    """
    with suppress(OSError):
        _show(error, as_json, verbose, code)


def _show(error: VideaError, as_json: Json, verbose: bool, code: int) -> None:
    if as_json:
        shown = {"error": error.message, "hint": error.hint}
        show_result({**shown, "detail": error.detail} if error.shows_detail else shown, as_json, code)
    if as_json is not Json.RESULT:
        red, plain = ("\033[31m", "\033[0m") if colours(sys.stderr.isatty()) else ("", "")
        sys.stderr.write(f"{red}error:{plain} {one_line(error.message)}\n hint: {one_line(error.hint)}\n")
    told = error.detail.strip() in error.message
    if not told and (verbose or (error.shows_detail and as_json is not Json.RESULT)):
        sys.stderr.write("\n" + "".join(f"{one_line(line)}\n" for line in error.detail.rstrip().splitlines()))


def one_line(text: str) -> str:
    """The text as one line of bounded length; characters that control a terminal or cannot be shown are escaped."""
    line = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"


def colours(terminal: bool) -> bool:
    """Whether to use colours: only on a terminal, and never with NO_COLOR (https://no-color.org)."""
    return terminal and not os.environ.get("NO_COLOR")
