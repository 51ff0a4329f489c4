"""The command line and the options of `videa exec` and `videa run`, which are those of docker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from ops.errors import UsageError
from videa_cli.json_output import own_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.models import UserCommand

Service: TypeAlias = Annotated[
    str, typer.Argument(metavar="[SERVICE]", help="Default: the default service.", show_default=False)
]
Words: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="-- COMMAND [ARG]...", help="The command.", show_default=False)
]
Variables: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--env", "-e", metavar="NAME[=VALUE]", help="Set a variable, by default to its value here; may be repeated."
    ),
]
User: TypeAlias = Annotated[
    str, typer.Option("--user", "-u", metavar="USER[:GROUP]", help="Run it as this user.", show_default=False)
]
Workdir: TypeAlias = Annotated[
    str, typer.Option("--workdir", "-w", metavar="PATH", help="Run it in this folder.", show_default=False)
]
NoTerminal: TypeAlias = Annotated[
    bool, typer.Option("--no-tty", "-T", help="Allocate no terminal, even if there is one.")
]


class InContainer(TyperCommand):
    """A command line with a container's command: after ``--``, otherwise after SERVICE, as in docker compose."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Prevents videa from parsing the options of the container's command. Raises UsageError."""
        own = list(own_words(args))
        words = args[len(own) + 1 :] if "--" in args else None
        ctx.allow_interspersed_args = words is not None
        rest: list[str] = super().parse_args(ctx, own)
        if words is not None:
            if superfluous := ctx.params["words"]:
                raise UsageError(
                    f"{superfluous[0]!r} stands before --, where only the service may be",
                    f"write {ctx.command_path} [SERVICE] -- COMMAND",
                )
            ctx.params["words"] = words
        if not ctx.params["words"] and not ctx.resilient_parsing:
            raise UsageError("there is no command", f"write {ctx.command_path} [SERVICE] -- COMMAND")
        return rest


def user_command(
    words: list[str],
    variables: list[str] | None,
    user: str,
    workdir: str,
    no_terminal: bool,
    environment: Mapping[str, str],
) -> UserCommand:
    """The command, with a terminal if stdin and stdout are one, like ssh. Raises UsageError."""
    from ops.foreground import variables as read
    from ops.models import UserCommand

    terminal = not no_terminal and sys.stdin.isatty() and sys.stdout.isatty()
    return UserCommand(tuple(words), terminal, read(variables or (), environment), user, workdir)


def table_entry(name: str, function: Any) -> typer.Typer:
    """The command for the table of commands."""
    commands = typer.Typer(add_completion=False, rich_markup_mode=None)
    commands.command(name, cls=InContainer)(function)
    return commands
