"""videa promote"""

from __future__ import annotations

import typer

from ops.errors import PlanRefused
from videa_cli.context import Options


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("promote")(promote)


def promote(context: typer.Context) -> None:
    """Let a deploy that waits go on: a paused canary, one under judgement, or a blue-green one that keeps the old set.

    \b
    Examples:
      videa promote
    """
    from ops.rollout.journal import Journal
    from ops.rollout.lock import Lock
    from videa_cli.render import console

    options: Options = context.obj
    stack = options.stack()
    holder = Lock(stack.engine, stack.project.name).status()
    if holder is None or not holder.alive or not Journal(stack.engine, stack.project.name).send("promote"):
        raise PlanRefused("no deploy is under way", "one that was broken off goes on with: videa deploy --resume")
    console().print(f"told `{holder.command}` of {holder.who} to go on; follow it: videa deploy --watch")
