"""Where all output for people goes. This imports little: views such as `videa status` need nothing else."""

from __future__ import annotations

import sys
from typing import IO, cast

from rich.console import Console

from videa_cli.streams import Trimmed, Unbroken

PIPE_WIDTH = 200


def console(stderr: bool = False, unbroken: bool = False) -> Console:
    """A console that respects NO_COLOR and pipes: in a pipe, tables are as wide as they need to be.

    With ``stderr`` or ``unbroken`` it does not fail if its output is closed: an operation continues and keeps its exit
    code.
    """
    stream = sys.stderr if stderr else sys.stdout
    file = cast("IO[str]", Unbroken(stream)) if stderr or unbroken else stream
    terminal = Console(file=file, stderr=stderr, highlight=False, emoji=False, soft_wrap=True)
    if terminal.is_terminal:
        return terminal
    plain = cast("IO[str]", Trimmed(file))
    return Console(file=plain, stderr=stderr, highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
