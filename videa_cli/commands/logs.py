"""videa logs"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import UsageError
from videa_cli.context import Options
from videa_cli.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.models import Container
    from ops.stack import Stack
    from ops.views.logs import LogLine, Wanted

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")


class Level(StrEnum):
    """The lowest level to show."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def logs(
    context: typer.Context,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Default: the scaled service.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines as they arrive.")] = False,
    tail: Annotated[
        int, typer.Option("--tail", "-n", parser=whole(0), metavar="N", help="Lines to show first, per container.")
    ] = 100,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Start at 10m (ago) or 2026-01-31T13:00:00.")
    ] = None,
    level: Annotated[Level, typer.Option("--level", help="Only lines of this level or higher.")] = Level.DEBUG,
    request: Annotated[
        str, typer.Option("--request", metavar="ID", help="Only lines of this request, from all containers.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one object per line: time, container, level, request_id, text.")
    ] = False,
) -> None:
    """Show the logs of all replicas, merged by time.

    \b
    Examples:
      videa logs
      videa logs -f --tail 0 --level warning
      videa logs nginx backend --request 5e710840391382dd1dbe61c3f3d3a0f2
      videa logs nginx --since 10m
      videa logs --json --level error | jq -r '"\\(.container) \\(.request_id)"'
    """
    from ops.views.logs import Wanted, read, since_when
    from ops.views.logs import follow as follow_lines

    options: Options = context.obj
    stack = options.stack()
    chosen = _known(stack, tuple(services or (stack.project.settings.service,)))
    begin = since_when(since, time.time()) if since else 0.0
    wanted = Wanted(level.value, request)
    show = _show_json if as_json else _show

    def find() -> list[Container]:
        return [container for container in stack.containers() if container.service in chosen]

    if not follow:
        show(read(stack.platform, find(), begin, tail), wanted)
        return
    try:
        show(follow_lines(stack.platform, find, begin, tail), wanted)
    except KeyboardInterrupt:
        return


def _known(stack: Stack, services: tuple[str, ...]) -> tuple[str, ...]:
    known = stack.project.model["services"]
    for name in services:
        if name not in known:
            raise UsageError(f"no service {name!r} in the Compose file", f"its services: {', '.join(sorted(known))}")
    return services


def _show(lines: Iterable[LogLine], wanted: Wanted) -> None:
    from rich.text import Text

    from videa_cli.console import console

    out = console()
    colours: dict[str, str] = {}
    for line in lines:
        if wanted(line):
            colour = colours.setdefault(line.container, COLOURS[len(colours) % len(COLOURS)])
            out.print(Text.assemble((f"{line.container} | ", colour), line.text))


def _show_json(lines: Iterable[LogLine], wanted: Wanted) -> None:
    import msgspec

    for line in filter(wanted, lines):
        fields = {name: getattr(line, name) for name in ("time", "container", "level", "request_id", "text")}
        typer.echo(msgspec.json.encode(fields))
