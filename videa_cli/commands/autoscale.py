"""videa autoscale on, off, status, explain, run"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from videa_cli.context import Options, group

Service = Annotated[
    str,
    typer.Argument(metavar="[SERVICE]", show_default=False, help="By default every service with x-videa.autoscale."),
]
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def on(context: typer.Context, service: Service = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Turn autoscaling on again after `videa autoscale off`.

    \b
    Examples:
      videa autoscale on
      videa autoscale on web
    """
    _switch(context.obj, service, False, dry_run, as_json)


def off(context: typer.Context, service: Service = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Keep the present number of replicas until `videa autoscale on`.

    Do this before you scale by hand: otherwise the next round changes the number again. The state is stored on the
    engine, so it applies to everybody who runs the autoscaler, also after a restart.

    \b
    Examples:
      videa autoscale off
      videa autoscale off web --dry-run
    """
    _switch(context.obj, service, True, dry_run, as_json)


def _switch(options: Options, service: str, off: bool, dry_run: bool, as_json: bool) -> None:
    from ops.autoscale import state
    from ops.autoscale.view import chosen
    from ops.rollout.operator import whoami

    stack = options.stack()
    names = chosen(stack.project, service)
    changed = [name for name in names if state.switch(stack.store, stack.project.name, name, off, whoami(), dry_run)]
    word = "off" if off else "on"
    if as_json:
        typer.echo(json.dumps({"on": not off, "services": list(names), "changed": changed, "dry_run": dry_run}))
        return
    for name in names:
        if name not in changed:
            typer.echo(f"{name}: already {word}")
        else:
            typer.echo(f"{name}: would be {word}; nothing was changed" if dry_run else f"{name}: {word}")


def status(context: typer.Context, service: Service = "", as_json: Json = False) -> None:
    """Show the number of replicas, the desired one, its bounds, and the last decisions.

    ALLOWED BY is the smallest limit of PostgreSQL's connections, the memory and the cores of the machine.

    \b
    Examples:
      videa autoscale status
      videa autoscale status web --json | jq '.services[].state.made'
    """
    import msgspec

    from ops.autoscale.view import overview
    from videa_cli.autoscale_view import show_status
    from videa_cli.render import console

    options: Options = context.obj
    views = overview(options.stack(), service)
    if as_json:
        typer.echo(msgspec.json.encode({"services": views}))
        return
    console().print(show_status(views))


def explain(context: typer.Context, service: Service = "", as_json: Json = False) -> None:
    """Measure now, and show how each metric, window, policy and bound leads to the number.

    MORE and FEWER are the values at which a metric asks for another number. Below it is what has changed the number,
    and what would have to change so that it does not. Changes nothing.

    \b
    Examples:
      videa autoscale explain
      videa autoscale explain web --json
    """
    import msgspec

    from ops.autoscale.view import explanation
    from videa_cli.autoscale_view import show_explanation
    from videa_cli.render import console

    options: Options = context.obj
    explained = explanation(options.stack(), service)
    if as_json:
        typer.echo(msgspec.json.encode({"services": explained}))
        return
    for each in explained:
        console().print(show_explanation(each))


def run(
    context: typer.Context,
    interval: Annotated[
        str, typer.Option("--interval", metavar="TIME", help="Time between two rounds, 1s to 60s.")
    ] = "5s",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only write and show what it would do.")] = False,
) -> None:
    """Scale the services with x-videa.autoscale until Ctrl-C.

    Each round measures, decides, and scales like `videa scale`: with the lock, the journal, and a proof that no request
    was lost. While another operation runs, waits or was interrupted, it does nothing. Ctrl-C completes a change that
    has started.

    \b
    Examples:
      videa autoscale run
      videa autoscale run --dry-run
      videa autoscale run --interval 10s
    """
    import threading
    from functools import partial

    from ops.autoscale.duty import Autoscaler, keep
    from ops.autoscale.view import chosen
    from ops.errors import UsageError
    from ops.events import Event, OperationEnded
    from ops.project.units import parse_duration
    from videa_cli.attending import attend
    from videa_cli.autoscale_view import ended
    from videa_cli.render import Progress, console

    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}", "use a duration such as 5s") from error
    if not 1 <= seconds <= 60:
        raise UsageError(f"--interval: {interval} is out of range", "use 1s to 60s")
    options: Options = context.obj
    names = chosen(options.stack().project)
    tried = " (dry run)" if dry_run else ""
    console(stderr=True).print(f"scaling {', '.join(names)} with the load{tried}; stop with Ctrl-C")
    progress = Progress()

    def show(event: Event) -> None:
        progress(event)
        if isinstance(event, OperationEnded):
            progress.console.print(ended(event), markup=False)

    stop, duty = threading.Event(), Autoscaler(options.stack, dry_run, seconds)
    attend(partial(keep, duty, show, stop), stop.set)
    console(stderr=True).print("stopped; the number of replicas stays")


commands = group("Let the number of replicas follow the load, within the limits of the machine.")
commands.command("on")(on)
commands.command("off")(off)
commands.command("status")(status)
commands.command("explain")(explain)
commands.command("run")(run)
