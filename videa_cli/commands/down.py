"""videa down"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options
from videa_cli.lock_wait import LockWait, patiently

if TYPE_CHECKING:
    from ops.stack import Stack


def down(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed and change nothing.")] = False,
    lock_wait: LockWait = 0.0,
) -> None:
    """Stop and remove the stack's containers.

    Data stays in its volumes, and the history on the engine.

    \b
    Examples:
      videa down
      videa down --dry-run
    """
    from ops.lifecycle import take_down
    from videa_cli.console import console
    from videa_cli.operation import typed
    from videa_cli.render import Progress

    options: Options = context.obj
    progress = Progress()

    def stop(stack: Stack) -> None:
        names = [container.name for container in stack.containers()]
        if names and not dry_run:
            take_down(stack, progress, typed())
            return
        console().print(f"would stop and remove: {', '.join(names)}" if names else "nothing to do: nothing is running")

    try:
        patiently(options, lock_wait, progress, stop)
    finally:
        progress.close()
