"""videa abort"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from ops.errors import OperationFailed
from videa_cli.context import Options

PATIENCE = 300.0
"""Seconds to wait until the operation has put everything back."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("abort")(abort)


def abort(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Put back the deploy that is under way, or one that was broken off. Traffic moves first.

    Also from another terminal or machine. While a blue-green deploy keeps the old set it is one reload back to it.

    \b
    Examples:
      videa abort
    """
    from ops.operations import Operation
    from ops.rollout.journal import Journal
    from ops.rollout.lock import Lock
    from videa_cli.operation import carry_out
    from videa_cli.render import console

    options: Options = context.obj
    stack = options.stack()
    lock = Lock(stack.engine, stack.project.name)
    holder = lock.status()
    if holder is None or not holder.alive or not Journal(stack.engine, stack.project.name).send("abort"):
        carry_out(options, "put back", Operation.abort, as_json)
        return
    console(stderr=True).print(f"told `{holder.command}` of {holder.who} to put everything back")
    deadline = time.monotonic() + PATIENCE
    while (now := lock.status()) and now.alive and now.since == holder.since:
        if time.monotonic() > deadline:
            raise OperationFailed("it has not ended yet", "follow it: videa deploy --watch")
        time.sleep(0.2)
    console().print("it has ended; see videa status and videa history")
