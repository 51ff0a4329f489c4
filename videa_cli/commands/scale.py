"""videa scale N"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

import typer

from ops.errors import UsageError
from videa_cli.context import Options
from videa_cli.lock_wait import LockWait

HINT = "give the number of replicas, such as 3, or +1 for one more"


def scale(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="N|+N", help="Number of replicas, or how many to add.")],
    force: Annotated[bool, typer.Option("--force", help="Allow 0 replicas.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    lock_wait: LockWait = 0.0,
) -> None:
    """Run N replicas of the service without losing a request.

    New replicas get traffic after they pass their readiness probe. Replicas that leave are removed from the balancer,
    then drained, then stopped and removed: unhealthy ones first, then old releases, then the newest.

    A request that cannot work is refused before anything starts: more reserved memory than the machine has, more
    database connections than PostgreSQL accepts, fixed host ports or a container_name on the service.

    \b
    Examples:
      videa scale 3
      videa scale +1
      videa scale 5 --dry-run
      videa scale 0 --force
    """
    from videa_cli.operation import carry_out

    wanted = parse(number)
    options: Options = context.obj
    carry_out(options, "scaled", lambda operation: operation.scale(wanted, force, dry_run), as_json, dry_run, lock_wait)


def parse(number: str) -> Callable[[int], int]:
    """Returns a function from the current to the wanted number of replicas. Raises UsageError."""
    if re.fullmatch(r"[0-9]{1,6}", number):
        return lambda current: int(number)
    if re.fullmatch(r"\+[0-9]{1,6}", number):
        return lambda current: current + int(number)
    if re.fullmatch(r"-[0-9]+", number):
        raise UsageError(f"cannot scale to {number} replicas", HINT)
    raise UsageError(f"{number!r} is not a number of replicas", HINT)


commands = typer.Typer(add_completion=False, rich_markup_mode=None)
commands.command("scale", context_settings={"ignore_unknown_options": True})(scale)
