"""videa up"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options
from videa_cli.json_output import AsJson, Json, show_result, show_text_or_json
from videa_cli.lock_wait import LockWait, patiently
from videa_cli.no_redirect import NoRedirect

if TYPE_CHECKING:
    from ops.stack import Stack


def up(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would start, and change nothing.")] = False,
    recreate: Annotated[
        list[str] | None,
        typer.Option(help="Also recreate this service if it has changed; may be repeated.", metavar="SERVICE"),
    ] = None,
    no_redirect: NoRedirect = False,
    as_json: AsJson = Json.NO,
    lock_wait: LockWait = 0.0,
) -> None:
    """Start the stack, wait until it serves, show its URL.

    Starts what is not running. While replicas are running, videa changes no running container, even if the Compose file
    has changed: `videa deploy` rolls out a change of the service. --recreate recreates another service; requests that
    need it may fail in the meantime. For nginx itself, a second one serves meanwhile.

    After `videa init`, the first start moves a published port from your running container to nginx. Docker cannot hand
    a port over, so a second nginx serves meanwhile: for some seconds, a container with the capability NET_ADMIN in the
    host's network redirects new connections to it. Connections that clients keep open to the old container end with it.

    \b
    Examples:
      videa up
      videa up --recreate worker
      videa up --recreate nginx  give nginx its new image or configuration
      videa up --no-redirect     while a port moves, connections are refused for about a second
      videa -f docker-compose.yml -f compose/tls.yml up
    """
    import msgspec

    from ops.lifecycle import bring_up
    from ops.views.status import read_all
    from videa_cli.commands.status import show_status
    from videa_cli.operation import typed
    from videa_cli.render import Progress

    options: Options = context.obj
    if dry_run:
        _preview(options.stack(), as_json, not no_redirect)
        return
    progress = Progress(as_json)

    def start(now: Stack) -> Stack:
        bring_up(now, progress, typed(), recreate or (), not no_redirect)
        return now

    try:
        stack = patiently(options, lock_wait, progress, start)
    finally:
        progress.close()
    status = read_all(stack)
    if as_json:
        show_result(msgspec.to_builtins(status), as_json)
    else:
        show_status(status)


def _preview(stack: Stack, as_json: Json, redirect: bool) -> None:
    from ops.handover.over import holders
    from ops.handover.stand_in import gap
    from ops.notices import PortMoves
    from videa_cli.words import words

    running = {container.service for container in stack.containers() if container.state == "running"}
    missing = [name for name in stack.project.model["services"] if name not in running]
    lines = [f"would start: {', '.join(missing)}" if missing else "nothing to do: everything is running"]
    if held := tuple(container.name for container in holders(stack)):
        lines.append(words(PortMoves(held, stack.project.settings.balancer, gap(stack, redirect))))
    show_text_or_json({"dry_run": True, "would_start": missing, "port_moves_from": held}, "\n".join(lines), as_json)
