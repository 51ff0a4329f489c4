"""videa agent, videa agent status"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options
from videa_cli.json_output import show_event
from videa_cli.numbers import whole
from videa_cli.units import size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ops.metrics.endpoint import Endpoint
    from ops.metrics.figures import Counts
    from ops.stack import Stack
    from videa_cli.ui.listen import Beside

commands = typer.Typer(invoke_without_command=True, add_completion=False, rich_markup_mode=None)


@commands.callback()
def agent(
    context: typer.Context,
    heartbeat: Annotated[
        Path | None,
        typer.Option("--heartbeat", metavar="FILE", help="Write the time to this file after each round."),
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            "--metrics",
            metavar="HOST:PORT",
            envvar="VIDEA_METRICS",
            show_default=False,
            help="Serve /metrics and /sd for Prometheus there, see docs/metrics.md.",
        ),
    ] = "",
    page: Annotated[
        int | None,
        typer.Option(
            "--page",
            parser=whole(0),
            metavar="PORT",
            envvar="VIDEA_PAGE",
            show_default=False,
            help="Serve the page of `videa ui` on 127.0.0.1 there, read-only.",
        ),
    ] = None,
    doctor: Annotated[
        str,
        typer.Option(
            "--doctor",
            metavar="TIME",
            envvar="VIDEA_DOCTOR",
            help="Time between two runs of the doctor, 10s to 1h, or `off`.",
        ),
    ] = "5m",
) -> None:
    """Look after the project until SIGTERM.

    Runs health checks, repairs, detached operations, certificates, notifications and, from time to time, the doctor.
    The container `agent` runs this command. It needs the engine's socket and the project's name, not its folder: it
    works with the x-videa that the last `videa up`, `scale` or `deploy` used. It prints what it does as one JSON object
    per line, see docs/events.md. Every other command also works without it.

    \b
    Examples:
      videa agent
      videa --project videa agent
      videa agent --metrics 127.0.0.1:9464
      videa agent --doctor 15m
      videa agent --page 8300
      videa agent status
    """
    if context.invoked_subcommand is not None:
        return
    from importlib.metadata import version

    from ops.agent.doctor import DoctorRuns
    from ops.agent.duties import Agent, Duty
    from ops.agent.health import HealthChecks
    from ops.agent.jobs import RevivedJobs
    from ops.agent.recorded import Recorded
    from ops.agent.status import AGENT
    from ops.agent.watcher import Watcher
    from ops.certificates.duty import Certificates
    from ops.events import Event
    from ops.factory import connect, in_swarm, open_changes, open_jobs, open_stack, open_store
    from ops.notices import AgentStarted
    from ops.notify.duty import Notifications
    from videa_cli.attending import attend

    options: Options = context.obj
    pause = _pause(doctor)
    engine, name, running = connect(), options.project or options.load().name, version("videa")
    swarm = in_swarm(name, engine)
    store = open_store(engine, swarm=swarm)
    watcher = Watcher(store, name, AGENT, running)

    def recorded() -> Recorded:
        """A separate instance for each duty, because an instance is used from one thread only."""
        return Recorded(store, name, lambda project: open_stack(project, engine))

    health = HealthChecks(recorded(), watcher, AGENT)
    jobs = RevivedJobs(open_jobs(engine), name, recorded())
    certificates = Certificates(recorded(), lambda: watcher.claimed)
    notifications = Notifications(recorded(), lambda: watcher.claimed)
    duties: list[Duty] = [health, jobs, certificates, notifications]
    if pause:
        duties.append(DoctorRuns(store, name, recorded(), lambda: watcher.claimed, pause))

    counts, endpoint = _serve(metrics, recorded(), running) if metrics else (None, None)
    shown = _serve_page(page, recorded()) if page is not None else None

    def emit(event: Event) -> None:
        show_event(event)
        notifications.hear(event)
        if counts:
            counts.hear(event)

    show_event(AgentStarted(name, running))
    beat = heartbeat.touch if heartbeat else lambda: None
    agent = Agent(duties, lambda: open_changes(name, engine, swarm), emit, beat)
    notifications.wake = lambda: agent.wake(notifications.name)
    attend(agent.run, agent.stop, watcher.release)
    if endpoint:
        endpoint.close()
    if shown:
        shown.close()


def _serve_page(port: int, stacks: Callable[[], Sequence[Stack]]) -> Beside:
    """Serves the page in parallel with the duties. Raises UsageError without the libraries, or if the port is unusable.

    It is read-only, because the agent has no project folder in which commands could run.
    """
    from ops.errors import UsageError

    try:
        import aiohttp_jinja2  # noqa: F401
    except ImportError:
        raise UsageError(
            "--page needs aiohttp and aiohttp-jinja2, which are not installed", "pip install 'videa[ui]'"
        ) from None
    from videa_cli.ui.listen import Beside
    from videa_cli.ui.server import make_app
    from videa_cli.ui.session import Sessions
    from videa_cli.ui.source import Source

    sessions = Sessions()
    shown = Beside(make_app(Source(lambda: stacks()[0]), sessions, read_only=True), port, sessions.token)
    typer.echo(f"page: {shown.address}", err=True)
    return shown


def _serve(place: str, stacks: Callable[[], Sequence[Stack]], running: str) -> tuple[Counts, Endpoint]:
    """Serves metrics. ``running``: the version of videa. Raises UsageError without the library."""
    import time

    from ops.errors import UsageError
    from ops.metrics.figures import Counts, Fresh

    try:
        from ops.metrics.endpoint import Endpoint
    except ImportError:
        raise UsageError(
            "--metrics needs prometheus-client, which is not installed", "pip install 'videa[metrics]'"
        ) from None
    counts = Counts()
    return counts, Endpoint(place, Fresh(stacks, time.monotonic).take, counts, running)


def _pause(text: str) -> float | None:
    """Seconds between two runs of the doctor; None if it does not run. Raises UsageError."""
    from ops.errors import UsageError
    from ops.project.units import parse_duration

    if text == "off":
        return None
    try:
        seconds = float(parse_duration(text))
    except ValueError as error:
        raise UsageError(f"--doctor: {error}", "use a duration such as 5m, or off") from error
    if not 10 <= seconds <= 3600:
        raise UsageError(f"--doctor: {text} is out of range", "use 10s to 1h, or off")
    return seconds


@commands.command("status")
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show who watches and what is out of the balancer.

    \b
    Examples:
      videa agent status
      videa agent status --json
    """
    from ops.agent.status import observe

    options: Options = context.obj
    stack = options.stack()
    seen = observe(stack)
    watching = seen.watching
    if as_json:
        fields = {
            "runs": seen.runs,
            "command": watching.command if watching else None,
            "who": watching.who if watching else None,
            "since": watching.since.isoformat() if watching else None,
            "version": (watching.version or None) if watching else None,
            "last_round_seconds": seen.round_age,
            "ejected": list(seen.ejected),
            "memory_bytes": seen.memory[0] if seen.memory else None,
            "memory_limit_bytes": seen.memory[1] if seen.memory else None,
        }
        typer.echo(json.dumps(fields))
        return
    if not seen.runs or watching is None:
        ended = f": {watching} had its last round {seen.round_age:.0f} s ago" if watching else ""
        typer.echo(f"nobody watches this project{ended}")
        typer.echo("to start the agent: docker compose up -d agent; without a container: videa watch")
    else:
        release = f", videa {watching.version}" if watching.version else ""
        typer.echo(f"{watching} watches{release}; last round {seen.round_age:.0f} s ago")
    typer.echo(f"out of the balancer: {', '.join(seen.ejected) or 'none'}")
    if seen.memory:
        used, limit = seen.memory
        typer.echo(f"memory: {size(used)}" + (f" of {size(limit)}" if limit else ""))
