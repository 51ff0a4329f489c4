"""videa maintenance on, videa maintenance off"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options, group

if TYPE_CHECKING:
    from ops.traffic import Maintenance

Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def on(
    context: typer.Context,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Allow this address or network; may be repeated.")
    ] = None,
    retry_after: Annotated[
        str, typer.Option(metavar="TIME", help="When clients should try again, such as 30s or 10m.")
    ] = "5m",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Close the site: answer 503 with a page and Retry-After until `videa maintenance off`.

    The health endpoints still answer, and so does everything for the allowed addresses. Requests in flight are
    completed. Scaling and deploying still work and keep the site closed.

    \b
    Examples:
      videa maintenance on
      videa maintenance on --allow 203.0.113.7 --allow 10.0.0.0/8 --retry-after 30m
    """
    from ops.errors import UsageError
    from ops.maintenance import planned
    from ops.project.units import parse_duration

    try:
        seconds = parse_duration(retry_after)
    except ValueError as error:
        raise UsageError(f"--retry-after: {error}", "use a duration such as 30s or 10m") from error
    options: Options = context.obj
    _switch(options, planned(options.load(), allow or (), seconds), as_json, dry_run)


def off(context: typer.Context, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Open the site again.

    \b
    Examples:
      videa maintenance off
    """
    _switch(context.obj, None, as_json, dry_run)


def _switch(options: Options, maintenance: Maintenance | None, as_json: bool, dry_run: bool) -> None:
    from rich.markup import escape

    from ops.maintenance import switch
    from videa_cli.console import console
    from videa_cli.operation import typed
    from videa_cli.words import words

    stack = options.stack()
    changed = switch(stack, maintenance, typed(), dry_run, lambda event: typer.echo(words(event), err=True))
    allowed = list(maintenance.allow) if maintenance else []
    if as_json:
        outcome = {"closed": maintenance is not None, "allow": allowed, "changed": changed, "dry_run": dry_run}
        typer.echo(json.dumps(outcome))
        return
    out = console()
    state = "closed for maintenance" if maintenance else "open"
    if not changed:
        out.print(f"already {state}")
    elif dry_run:
        out.print(f"would be {state}; nothing was changed")
    else:
        for refused in stack.gateway.membership(remembered=True).own.refused:
            out.print(f"[yellow]nginx leaves out your own file[/] {escape(refused)}")
        out.print(state + (f", except for {', '.join(allowed)}" if allowed else ""))
        if maintenance:
            out.print("to open it again: videa maintenance off")


commands = group("Close the site for maintenance, or open it again.")
commands.command("on")(on)
commands.command("off")(off)
