"""videa status"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options
from videa_cli.names import WIDE, shown_name

if TYPE_CHECKING:
    from rich.table import Table

    from ops.models import Job
    from ops.views.status import ReplicaStatus, Status

COLOURS = {"healthy": "green", "starting": "yellow"}


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the replicas: release, health, load, traffic.

    Health is the result of a readiness probe that videa sends to each replica now. An operation that has not ended is
    shown with what it waits for.

    \b
    Examples:
      videa status
      videa status --json | jq -r '.replicas[] | select(.health != "healthy") | .name'
    """
    options: Options = context.obj
    stack = options.stack()

    from concurrent.futures import ThreadPoolExecutor

    from ops.views.status import read_all

    with ThreadPoolExecutor(2) as pool:
        pending, listing = pool.submit(read_all, stack), pool.submit(stack.platform.jobs.all, stack.project.name)
        if not as_json:
            import rich.table  # noqa: F401 (reading takes longer than this import)

            import videa_cli.console  # noqa: F401
        result = pending.result()
        jobs = [job for job in listing.result() if not job.over]
        failed: list[tuple[Job, str]] = []
        if len(jobs) < len(listing.result()):
            from videa_cli.detaching import failures

            failed = failures(stack, listing.result(), time.time())
    if as_json:
        import msgspec

        shown = [_shown(job) for job in jobs] + [_shown(job) | {"error": error} for job, error in failed]
        fields = msgspec.to_builtins(result) | {"jobs": shown}
        typer.echo(msgspec.json.encode(fields).decode())
    else:
        show_status(result)
        show_jobs(jobs, failed)


def _shown(job: Job) -> dict[str, object]:
    at = datetime.fromtimestamp(job.at, UTC).isoformat() if job.at else None
    return {"name": job.name, "kind": job.kind, "command": job.command, "who": job.who, "at": at, "state": job.state}


def show_jobs(jobs: Sequence[Job], failed: Sequence[tuple[Job, str]] = ()) -> None:
    """Prints what runs later, what does not run although it should, and what has failed unattended."""
    from rich.markup import escape

    from ops.jobs.kind import Kind
    from videa_cli.console import console
    from videa_cli.detaching import local_time

    out = console()
    for job in jobs:
        operation = f"`{job.command}` of {job.who}"
        if job.exited:
            text = f"{operation}: its container {job.name} has exited; start it again: docker start {job.name}"
            out.print(f"[red]interrupted:[/] {escape(text)}")
        elif job.kind == Kind.SCHEDULED and job.at > time.time():
            out.print(escape(f"at {local_time(job.at)}: {operation}; cancel it: videa abort"))
    for job, error in failed:
        out.print(f"[red]not done:[/] {escape(f'`{job.command}` of {job.who}, for {local_time(job.at)}: {error}')}")


def show_status(result: Status) -> None:
    """Prints the table of replicas and a summary."""

    from videa_cli.console import PIPE_WIDTH, console

    out = console()
    services = (result, *result.others)
    show_operation(result)
    if any(service.replicas for service in services):
        table = _table(services, WIDE)
        fits = out.measure(table, options=out.options.update_width(PIPE_WIDTH)).maximum <= out.width
        out.print(table if fits else _table(services, out.width))
    for service in services:
        out.print(_summary(service))
    if not result.replicas:
        return
    if any(replica.by_connect for replica in result.replicas):
        from videa_cli.notice_words import BY_CONNECT

        out.print(BY_CONNECT)
    for line in _balancer(result):
        out.print(line)


def _balancer(result: Status) -> Iterator[str]:
    """What is unusual about nginx and its port."""
    from rich.markup import escape

    if result.maintenance:
        yield "[yellow]closed for maintenance[/]; to open it again: videa maintenance off"
    for refused in result.own_refused:
        yield (f"[yellow]nginx leaves out your own file[/] {escape(refused)}; correct it, then: videa up")
    if result.balancer != "running":
        yield (f"[red]balancer:[/] {escape(result.balancer)}")
    if result.unreachable:
        yield (f"[red]unreachable:[/] nothing answers at {result.url}: {result.unreachable}")
    yield from _edges(result)
    if result.log_dropped:
        yield (f"[yellow]rates are too low:[/] {result.log_dropped} lines of nginx's log were dropped")


def _table(services: Sequence[Status], width: int) -> Table:
    """With nodes, if they are on a swarm. ``width``: columns for which the names of the replicas are shortened."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for heading in ("REPLICA", "RELEASE", "HEALTH", "BALANCER"):
        table.add_column(heading, no_wrap=True)
    for heading in ("AGE", "CPU", "MEMORY", "REQ/S"):
        table.add_column(heading, justify="right", no_wrap=True)
    on_nodes = any(replica.node for service in services for replica in service.replicas)
    if on_nodes:
        table.add_column("NODE", no_wrap=True)
    for service in services:
        for replica in service.replicas:
            name = shown_name(replica.name, service.service, width)
            node = [escape(replica.node or "-")] if on_nodes else []
            table.add_row(name, *_row(replica, service.worker), *node)
    return table


def _row(replica: ReplicaStatus, worker: bool) -> tuple[str, ...]:
    """What stands behind the name."""
    from rich.markup import escape

    from videa_cli.units import duration, share

    colour = COLOURS.get(replica.health, "red")
    return (
        escape(replica.release),
        f"[{colour}]{replica.health}[/]" + (f" ({replica.restarts} restarts)" if replica.restarts else ""),
        "-" if worker else "in" if replica.in_balancer else "[yellow]out[/]",
        duration(replica.age),
        "-" if replica.cpu is None else f"{replica.cpu:.0%}",
        "-" if replica.memory is None else share(replica.memory, replica.memory_limit),
        "-" if replica.requests_per_second is None else f"{replica.requests_per_second:.1f}",
    )


def _edges(result: Status) -> Iterator[str]:
    """What differs on the nodes that run nginx, if there are several."""
    from rich.markup import escape

    for edge in result.edges:
        where = f"nginx {edge.name} on {escape(edge.node)}"
        if edge.generation is None:
            yield f"[red]{where} is away:[/] {escape(edge.reason)}"
        elif edge.behind:
            yield f"[yellow]{where}[/] has an older configuration until the next change, or a round of `videa watch`"
    if len(result.edges) > 1:
        present = sum(edge.newest for edge in result.edges)
        yield f"nginx: {present} of {len(result.edges)} nodes have the present configuration"


def _summary(service: Status) -> str:
    if not service.replicas:
        start = "videa up" if not service.worker else f"videa scale {service.service}=1"
        return f"no replica of {service.service}; start the stack: {start}"
    healthy = sum(replica.health == "healthy" for replica in service.replicas)
    measured = service.requests_per_second is not None and not service.worker
    rate = f", {service.requests_per_second:.1f} requests/s" if measured else ""
    where = f" at {service.url}" if service.url and not service.worker else ""
    route = f" for {service.route}" if service.route else ""
    return f"{service.service}: {healthy} of {len(service.replicas)} healthy{rate}{where}{route}"


def show_operation(result: Status) -> None:
    """Prints the operation that has not ended, and how to continue."""
    operation = result.operation
    if operation is None:
        return
    from rich.markup import escape

    from ops.errors import CONTINUE, TAKE_UP
    from ops.rollout.under_way import Phase
    from videa_cli.console import console
    from videa_cli.words import words

    out = console()
    text = escape(words(operation.standing))
    if operation.phase is Phase.RUNNING:
        out.print(f"running: {text}; follow it: videa deploy --watch")
    elif operation.phase is Phase.INTERRUPTED:
        out.print(f"[red]interrupted:[/] {text}; {CONTINUE}")
    elif operation.attended:
        out.print(f"{text}; end the wait: videa promote; roll it back: videa abort")
    else:
        out.print(f"[yellow]{text}[/]; no process runs it; {TAKE_UP}")
