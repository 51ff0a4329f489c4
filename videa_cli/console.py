"""The consoles for all output for people. This imports little: views such as `videa status` need nothing else."""

from __future__ import annotations

import sys
from typing import IO, cast

from rich.console import Console

from videa_cli.streams import Trimmed, Unbroken

PIPE_WIDTH = 200


def console(stderr: bool = False, unbroken: bool = False) -> Console:
    """A console that respects NO_COLOR and pipes: in a pipe, tables are as wide as they need to be.

    With ``stderr`` or ``unbroken``, it does not fail if its output is closed: an operation then continues and keeps its
    exit code.
    """
    stream = sys.stderr if stderr else sys.stdout
    file = cast("IO[str]", Unbroken(stream)) if stderr or unbroken else stream
    terminal = Console(file=file, stderr=stderr, highlight=False, emoji=False, soft_wrap=True)
    if terminal.is_terminal:
        return terminal
    plain = cast("IO[str]", Trimmed(file))
    return Console(file=plain, stderr=stderr, highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)


def hanging(out: Console, lead: str, text: str) -> None:
    """Prints rich's markup as one line; in a terminal, a long ``text`` wraps with a hanging indent below ``lead``."""
    if not out.is_terminal:
        out.print(f"{lead} {text}")
        return
    from rich.table import Table

    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_row(lead, text)
    out.print(line, soft_wrap=False)
