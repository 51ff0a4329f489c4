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
    """Show who holds the lock, for which command, and since when.

    Also shows an operation that waits or was interrupted. The lock is stored on the engine, so it also applies to users
    on other machines. It expires when the process that holds it exits.

    \b
    Examples:
      videa lock status
      videa lock status --json
    """
    from ops.errors import CONTINUE, TAKE_UP
    from ops.rollout.lock import Lock
    from ops.rollout.under_way import Phase, under_way
    from videa_cli.words import words

    options: Options = context.obj
    stack = options.stack()
    holder = Lock(stack.store, stack.project.name).status()
    operation = under_way(stack.store, stack.project.name)
    text = {phase: words(operation.standing) if operation and operation.phase is phase else None for phase in Phase}
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
        waiting, broken_off = text[Phase.WAITING], text[Phase.INTERRUPTED]
        typer.echo(json.dumps({"holder": held, "waiting": waiting, "broken_off": broken_off}))
        return
    if holder is None:
        typer.echo("free")
    else:
        since = holder.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"held by {holder.who} (process {holder.pid}): `{holder.command}` since {since}")
        typer.echo(
            f"valid for {holder.lease:.0f} s; its process renews it"
            if alive
            else "its process has exited or no longer renews it, so the lock counts as free"
        )
    if text[Phase.INTERRUPTED]:
        typer.echo(f"interrupted: {text[Phase.INTERRUPTED]}")
        typer.echo(CONTINUE)
    if text[Phase.WAITING]:
        typer.echo(text[Phase.WAITING])
        attended = operation is not None and operation.attended
        typer.echo("during the wait, videa maintenance and videa watch can make changes" if attended else TAKE_UP)


def release(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show whose lock would be removed.")] = False,
) -> None:
    """Remove the lock of an interrupted operation.

    The lock of a running operation is not removed. This command is rarely necessary: the next operation takes over the
    lock, immediately on the machine of the interrupted operation, and after 20 s on other machines.

    \b
    Examples:
      videa lock release
      videa lock release --dry-run
    """
    from ops.rollout.lock import Lock

    options: Options = context.obj
    stack = options.stack()
    holder = Lock(stack.store, stack.project.name).release(dry_run)
    done = "would remove the lock" if dry_run else "removed the lock"
    typer.echo(f"{done} held by {holder.who} for `{holder.command}`" if holder else "nothing to do: the lock is free")


commands = group("Show or remove the lock that allows one operation at a time.")
commands.command("status")(status)
commands.command("release")(release)
