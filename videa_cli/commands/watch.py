"""videa watch"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import UsageError
from videa_cli.context import Options


def watch(
    context: typer.Context,
    interval: Annotated[str, typer.Option("--interval", metavar="TIME", help="Time between two checks.")] = "10s",
) -> None:
    """Keep sick replicas out of the balancer.

    Checks every replica again and again. One is out after x-videa.health.fails bad answers at its liveness path in a
    row, and back after x-videa.health.passes good ones. The last replica is never taken out. Runs until Ctrl-C,
    which lets a change that has begun be finished; let your service manager start it, or a terminal. What it has taken
    out is kept on the engine: started again, it lets that back as well.

    \b
    Examples:
      videa watch
      videa watch --interval 2s
    """
    import threading
    from concurrent.futures import ThreadPoolExecutor

    from ops.interrupts import held
    from ops.project.settings import parse_duration
    from ops.watch import watch as run
    from videa_cli.render import Progress, console

    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}", "such as 10s") from error
    if seconds < 1:
        raise UsageError(f"--interval: {interval} is too short", "one second at least")
    options: Options = context.obj
    stack = options.stack()
    console(stderr=True).print(f"watching {stack.project.settings.service} every {interval}; Ctrl-C ends it")
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as worker:  # beside Ctrl-C, so that a change is finished and told
        watching = worker.submit(run, stack, seconds, Progress(), stop)
        try:
            watching.result()
        except KeyboardInterrupt:
            with held():
                stop.set()
                watching.result()
            console(stderr=True).print("ended; the balancer keeps its present list")
