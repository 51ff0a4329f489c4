"""videa autoscale on, off, status, explain, run"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options, group

if TYPE_CHECKING:
    from ops.models import Job
    from ops.stack import Stack

Service = Annotated[
    str,
    typer.Argument(metavar="[SERVICE]", show_default=False, help="By default every service with x-videa.autoscale."),
]
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def on(context: typer.Context, service: Service = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Turn autoscaling on: from now on, a container on the engine decides, and no terminal is needed.

    The container runs `videa autoscale run` with the files of this folder and the variables of this shell, except those
    that `.env` sets. It is started again after a crash and after a reboot; `videa autoscale off` ends it. With an
    engine on another machine, no container is started: run `videa autoscale run` yourself.

    \b
    Examples:
      videa autoscale on
      videa autoscale on web
    """
    _switch(context.obj, service, False, dry_run, as_json)


def _start(stack: Stack, options: Options, dry_run: bool) -> str:
    """Hands `videa autoscale run` over to a job, if none runs it. Returns what was done, in one line."""
    from ops.errors import LockHeld, PlanRefused
    from ops.jobs.hand_over import check, start
    from ops.jobs.kind import Kind
    from ops.project.values import env_file_values
    from videa_cli.detaching import request_for

    recorded = env_file_values(stack.project)
    selecting = tuple(request_for(stack, options, Kind.AUTOSCALE, ()).selecting)
    arguments = (*selecting, "autoscale", "run")
    request = request_for(stack, options, Kind.AUTOSCALE, arguments, without=recorded)
    try:
        check(stack, Kind.AUTOSCALE) if dry_run else start(stack, request)
    except LockHeld:
        return f"{request.name} runs it"
    except PlanRefused as error:
        return f"{error.message}; to run it: videa autoscale run"
    return f"would start {request.name}" if dry_run else f"{request.name} runs it, and needs no terminal"


def _end(stack: Stack, dry_run: bool) -> str:
    """Ends that job if no service needs it. Returns what was done, in one line; "" for nothing."""
    from ops.autoscale import state
    from ops.autoscale.view import chosen
    from ops.jobs.kind import Kind
    from ops.jobs.request import file_of

    name, states = stack.project.name, state.read(stack.store, stack.project.name)
    job = next((job for job in stack.platform.jobs.all(name) if job.kind == Kind.AUTOSCALE), None)
    if job is None or dry_run or any(not (each in states and states[each].off) for each in chosen(stack.project)):
        return ""
    stack.platform.jobs.remove(job.id)
    file_of(stack.project.directory, name, Kind.AUTOSCALE).unlink(missing_ok=True)
    return f"{job.name} has ended"


def off(context: typer.Context, service: Service = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Keep the present number of replicas until `videa autoscale on`.

    Do this before you scale by hand: otherwise the next round changes the number again. The state is stored on the
    engine, so it applies to everybody who runs the autoscaler, even after a restart.

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
    runs = _end(stack, dry_run) if off else _start(stack, options, dry_run)
    if as_json:
        fields = {"on": not off, "services": list(names), "changed": changed, "dry_run": dry_run, "runs": runs}
        typer.echo(json.dumps(fields))
        return
    for name in names:
        if name not in changed:
            typer.echo(f"{name}: already {word}")
        else:
            typer.echo(f"{name}: would be {word}; nothing was changed" if dry_run else f"{name}: {word}")
    if runs:
        typer.echo(runs)


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
    from videa_cli.console import console

    options: Options = context.obj
    views = overview(options.stack(), service)
    if as_json:
        typer.echo(msgspec.json.encode({"services": views}))
        return
    console().print(show_status(views))


def explain(context: typer.Context, service: Service = "", as_json: Json = False) -> None:
    """Measure now, and show how each metric, window, policy and bound leads to the number.

    MORE and FEWER are the values at which a metric asks for another number. The lines below show what changed the
    number, and what would have to be different to keep it. Changes nothing.

    \b
    Examples:
      videa autoscale explain
      videa autoscale explain web --json
    """
    import msgspec

    from ops.autoscale.view import explanation
    from videa_cli.autoscale_view import show_explanation
    from videa_cli.console import console

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
    ] = "3s",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only record and show what it would do.")] = False,
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
    from ops.errors import LockHeld, UsageError
    from ops.events import Event, OperationEnded
    from ops.jobs.kind import Kind
    from ops.project.units import parse_duration
    from videa_cli.attending import attend
    from videa_cli.autoscale_view import ended
    from videa_cli.console import console
    from videa_cli.detaching import in_job
    from videa_cli.json_output import show_event
    from videa_cli.render import Progress

    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}", "use a duration such as 5s") from error
    if not 1 <= seconds <= 60:
        raise UsageError(f"--interval: {interval} is out of range", "use 1s to 60s")
    options: Options = context.obj
    stack = options.stack()
    names = chosen(stack.project)
    if not dry_run and not in_job() and any(job.kind == Kind.AUTOSCALE for job in _pending(stack)):
        raise LockHeld("a container runs the autoscaler already", "see videa autoscale status; videa autoscale off")
    tried = " (dry run)" if dry_run else ""
    console(stderr=True).print(f"scaling {', '.join(names)} with the load{tried}; stop with Ctrl-C")
    progress = Progress()

    def show(event: Event) -> None:
        if in_job():
            show_event(event)
            return
        progress(event)
        if isinstance(event, OperationEnded):
            progress.console.print(ended(event), markup=False)

    stop, duty = threading.Event(), Autoscaler(partial(options.stack, options.remembering()), dry_run, seconds)
    attend(partial(keep, duty, show, stop), stop.set)
    console(stderr=True).print("stopped; the number of replicas stays")


def _pending(stack: Stack) -> list[Job]:
    return [job for job in stack.platform.jobs.all(stack.project.name) if not job.over]


commands = group("Let the number of replicas follow the load.")
commands.command("on")(on)
commands.command("off")(off)
commands.command("status")(status)
commands.command("explain")(explain)
commands.command("run")(run)
