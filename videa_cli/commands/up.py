"""videa up"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options


def up(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be started and change nothing.")] = False,
    recreate: Annotated[
        list[str] | None,
        typer.Option(help="Recreate this service too if it has changed. May be repeated.", metavar="SERVICE"),
    ] = None,
) -> None:
    """Bring the stack up, wait until it serves, and show where.

    Starts what does not run. While replicas run, nothing that runs is touched, also when the Compose file has changed:
    `videa deploy` rolls a change of the service out, and --recreate makes another service anew, which may fail requests
    that need it meanwhile.

    \b
    Examples:
      videa up
      videa up --recreate worker
      videa -f docker-compose.yml -f compose/tls.yml up
    """
    from ops.lifecycle import bring_up
    from ops.views.status import read_status
    from videa_cli.commands.status import show_status
    from videa_cli.operation import typed
    from videa_cli.render import Progress, console

    options: Options = context.obj
    stack = options.stack()
    if dry_run:
        alive = {container.service for container in stack.containers() if container.state == "running"}
        missing = [name for name in stack.project.model["services"] if name not in alive]
        console().print(f"would start: {', '.join(missing)}" if missing else "nothing to do: everything runs")
        return
    progress = Progress()
    try:
        bring_up(stack, progress, typed(), recreate or ())
    finally:
        progress.close()
    show_status(read_status(stack))
