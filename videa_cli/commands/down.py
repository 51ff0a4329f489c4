"""videa down"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options


def down(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed and change nothing.")] = False,
) -> None:
    """Stop and remove the stack's containers. Data stays in its volumes.

    \b
    Examples:
      videa down
      videa down --dry-run
    """
    from ops.lifecycle import take_down
    from videa_cli.operation import typed
    from videa_cli.render import Progress, console

    options: Options = context.obj
    stack = options.stack()
    names = [container.name for container in stack.containers()]
    if dry_run or not names:
        console().print(f"would stop and remove: {', '.join(names)}" if names else "nothing to do: nothing is running")
        return
    progress = Progress()
    try:
        take_down(stack, progress, typed())
    finally:
        progress.close()
