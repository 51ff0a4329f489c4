"""videa watch"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import LockHeld, UsageError
from videa_cli.context import Options


def watch(
    context: typer.Context,
    interval: Annotated[
        str, typer.Option("--interval", metavar="TIME", help="Time between two checks, at least 1s.")
    ] = "10s",
) -> None:
    """Keep unhealthy replicas out of the balancer.

    Does what `videa agent` does all the time, so it is refused while the agent runs: only one process watches.

    Regularly checks whether all replicas are alive, as x-videa.health of their release declares. A replica leaves after
    x-videa.health.fails consecutive failures, and returns after x-videa.health.passes consecutive successes. A replica
    that is paused, has exited or has left nginx's networks is removed at once. The last replica is never removed.

    Runs until Ctrl-C, which completes a change that has started. The removed replicas are stored on the engine, so that
    the next `videa watch` can return them.

    \b
    Examples:
      videa watch
      videa watch --interval 2s
    """
    from ops.agent.duties import Agent
    from ops.agent.health import HealthChecks
    from ops.agent.jobs import RevivedJobs
    from ops.agent.watcher import Watcher
    from ops.project.units import parse_duration
    from videa_cli.attending import attend
    from videa_cli.console import console
    from videa_cli.render import Progress

    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}", "use a duration such as 10s") from error
    if seconds < 1:
        raise UsageError(f"--interval: {interval} is too short", "use at least 1s")
    options: Options = context.obj
    stack = options.stack()
    served = tuple(map(stack.of, stack.project.served))
    watcher = Watcher(stack.store, stack.project.name, "videa watch")
    if holder := watcher.claim(seconds):
        raise LockHeld(f"{holder} watches this project already", "stop it first, or see: videa agent status")
    console(stderr=True).print(f"watching {', '.join(stack.project.served)} every {interval}; stop with Ctrl-C")
    health = HealthChecks(lambda: served, watcher, "videa watch", seconds)
    jobs = RevivedJobs(stack.platform.jobs, stack.project.name)
    agent = Agent((health, jobs), stack.platform.changes, Progress())
    attend(agent.run, agent.stop, watcher.release)
    console(stderr=True).print("stopped; the balancer keeps its current replicas")
