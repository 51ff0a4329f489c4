"""videa promote"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import PlanRefused
from videa_cli.context import Options


def promote(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go on and change nothing.")] = False,
) -> None:
    """Let a deploy that waits go on.

    That is a paused canary, one under judgement, or a blue-green deploy that keeps the old set.

    \b
    Examples:
      videa promote
    """
    from ops.rollout.lock import Lock

    options: Options = context.obj
    journal = options.journal()
    holder = Lock(journal.store, journal.project).at_work()
    if holder is None or not journal.exists():
        raise PlanRefused("no deploy is under way", "one that was broken off goes on with: videa deploy --resume")
    if not dry_run:
        journal.mailbox.send("promote")
    told = f"`{holder.command}` of {holder.who} to go on"
    typer.echo(
        f"would tell {told}; nothing was changed" if dry_run else f"told {told}; follow it: videa deploy --watch"
    )
