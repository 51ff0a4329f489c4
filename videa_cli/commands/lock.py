"""videa lock status, videa lock release"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from videa_cli.context import Options, group


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show who holds the lock, for which command and since when.

    Also what an operation waits for, and what one that was broken off has left. The lock is on the engine, so it counts
    for operators on other machines too. It ends by itself when its holder does.

    \b
    Examples:
      videa lock status
      videa lock status --json
    """
    from ops.errors import TAKE_UP
    from ops.rollout.lock import Lock
    from ops.rollout.under_way import Phase, under_way
    from videa_cli.words import words

    options: Options = context.obj
    stack = options.stack()
    holder = Lock(stack.store, stack.project.name).status()
    operation = under_way(stack.store, stack.project.name)
    said = {phase: words(operation.standing) if operation and operation.phase is phase else None for phase in Phase}
    alive = holder is not None and holder.alive
    if as_json:
        held = holder and {
            "who": holder.who,
            "command": holder.command,
            "pid": holder.pid,
            "since": holder.since.isoformat(),
            "lease_seconds": round(holder.lease, 1),
            "alive": holder.alive,
        }
        waiting, broken_off = said[Phase.WAITING], said[Phase.INTERRUPTED]
        typer.echo(json.dumps({"holder": held, "waiting": waiting, "broken_off": broken_off}))
        return
    if holder is None:
        typer.echo("free")
    else:
        since = holder.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"held by {holder.who} (process {holder.pid}): `{holder.command}` since {since}")
        typer.echo(
            f"valid for {holder.lease:.0f} s, renewed by its holder"
            if alive
            else "the process that held it has exited, or does not renew it: it counts as free"
        )
    if said[Phase.INTERRUPTED]:
        typer.echo(f"broken off: {said[Phase.INTERRUPTED]}")
        typer.echo("end it: videa deploy --resume; put it back: videa deploy --abort")
    if said[Phase.WAITING]:
        typer.echo(said[Phase.WAITING])
        attended = operation is not None and operation.attended
        typer.echo("meanwhile videa maintenance and videa watch may change something" if attended else TAKE_UP)


def release(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say whose lock would be released.")] = False,
) -> None:
    """Clear away the lock of an interrupted operation.

    One whose holder is at work stays. Seldom needed: the next operation does the same, at once on the holder's machine
    and after 20 s elsewhere.

    \b
    Examples:
      videa lock release
      videa lock release --dry-run
    """
    from ops.rollout.lock import Lock

    options: Options = context.obj
    stack = options.stack()
    holder = Lock(stack.store, stack.project.name).release(dry_run)
    done = "would be released: it is" if dry_run else "released: it was"
    typer.echo(f"{done} held by {holder.who} for `{holder.command}`" if holder else "nothing to do: free")


commands = group("Show or clear the lock that lets one operation run at a time.")
commands.command("status")(status)
commands.command("release")(release)
