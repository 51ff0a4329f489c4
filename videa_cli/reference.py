"""The help of every command on one page, docs/commands.md: `python -m videa_cli.reference > docs/commands.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from videa_cli.main import app

WIDTH = 100
"""The width in columns, as in a wide terminal."""

_TITLE = """# Commands

`videa COMMAND --help` prints the same.
"""


def page() -> str:
    """The page in Markdown: `videa` itself, then the commands in the order of its help, each with its subcommands."""
    return "\n".join(
        [_TITLE, *(f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(get_command(app), None))]
    )


def _helps(command: Any, parent: Any) -> Iterator[tuple[str, str]]:
    context = command.make_context(
        command.name, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    lines = (line.rstrip() for line in command.get_help(context).strip().splitlines())
    yield context.command_path, "\n".join(lines)
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _helps(found, context)


if __name__ == "__main__":
    sys.stdout.write(page())
