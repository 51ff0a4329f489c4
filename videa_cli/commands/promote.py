"""videa promote"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import CONTINUE, PlanRefused
from videa_cli.context import Options


def promote(
    context: typer.Context,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return at the next wait.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go on and change nothing.")] = False,
) -> None:
    """Let a deploy that waits go on.

    That is a canary that is paused or judged, or a blue-green deploy that keeps the old set. If a process attends the
    deploy, it is told to continue. If none does, as after `videa deploy --detach`, this command carries out the rest.

    \b
    Examples:
      videa promote
      videa promote --detach
    """
    from ops.rollout.lock import Lock

    options: Options = context.obj
    journal = options.journal()
    holder, state = Lock(journal.store, journal.project).operation_holder(), journal.read()
    if state is None or (holder is None and not state.waiting):
        hint = f"{state} was interrupted; {CONTINUE}" if state else "see `videa status` and `videa history`"
        raise PlanRefused("no deploy waits", hint)
    if holder is None:
        _carry_out(options, detach, dry_run)
        return
    if not dry_run:
        journal.commands.send("promote")
    told = f"`{holder.command}` of {holder.who} to go on"
    typer.echo(
        f"would tell {told}; nothing was changed" if dry_run else f"told {told}; follow it: videa deploy --watch"
    )


def _carry_out(options: Options, detach: bool, dry_run: bool) -> None:
    """Takes up the operation that nobody attends, and ends its wait. Raises what the rest of it raises."""
    from videa_cli.operation import carry_out
    from videa_cli.words import words

    state = options.journal().read()
    if dry_run and state:
        typer.echo(f"would go on with {words(state.standing)}; nothing was changed")
        return
    carry_out(options, "ended", lambda each: each.promote(detach), as_json=False)
