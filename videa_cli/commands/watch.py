"""videa watch"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import UsageError
from videa_cli.context import Options


def watch(
    context: typer.Context,
    interval: Annotated[
        str, typer.Option("--interval", metavar="TIME", help="Time between two checks, at least 1s.")
    ] = "10s",
) -> None:
    """Keep unhealthy replicas out of the balancer.

    Asks all replicas regularly whether they are alive, as x-videa.health of their release declares. A replica leaves
    after x-videa.health.fails consecutive failures, and returned after x-videa.health.passes consecutive successes. The
    last replica is never removed.

    Runs until Ctrl-C, which completes a change that has started. Start it in a terminal or with a service manager. The
    removed replicas are stored on the engine, so that the next `videa watch` can return them.

    \b
    Examples:
      videa watch
      videa watch --interval 2s
    """
    import threading
    from concurrent.futures import ThreadPoolExecutor

    from ops.interrupts import held
    from ops.project.units import parse_duration
    from ops.watch import watch as run
    from videa_cli.render import Progress, console

    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}", "use a duration such as 10s") from error
    if seconds < 1:
        raise UsageError(f"--interval: {interval} is too short", "use at least 1s")
    options: Options = context.obj
    stack = options.stack()
    console(stderr=True).print(f"watching {', '.join(stack.project.served)} every {interval}; stop with Ctrl-C")
    stop = threading.Event()
    with ThreadPoolExecutor(
        max_workers=1
    ) as worker:  # in a thread, so that Ctrl-C lets a change complete and be reported
        watching = worker.submit(run, stack, seconds, Progress(), stop)
        try:
            watching.result()
        except KeyboardInterrupt:
            with held():
                stop.set()
                watching.result()
            console(stderr=True).print("stopped; the balancer keeps its current replicas")
