"""videa scale N"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import UsageError
from videa_cli.context import Options
from videa_cli.detaching import hand_over, in_job
from videa_cli.json_output import AsJson, Command, Json
from videa_cli.lock_wait import LockWait

if TYPE_CHECKING:
    from ops.operations import Operation
    from ops.outcome import Outcome

HINT = "give the number of replicas, such as 3, or +1 for one more, or SERVICE=3"


def scale(
    context: typer.Context,
    numbers: Annotated[
        list[str],
        typer.Argument(metavar="[SERVICE=]N|+N...", help="Number of replicas, or how many to add.", show_default=False),
    ],
    force: Annotated[bool, typer.Option("--force", help="Allow 0 replicas.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run it in a container: see videa deploy --help.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
    as_json: AsJson = Json.NO,
    lock_wait: LockWait = 0.0,
) -> None:
    """Run N replicas of a service without losing a request.

    Without SERVICE, scales the default service: the one that x-videa.service names, or the only one that gets requests.
    Several services are scaled one after the other; if one fails, all are rolled back.

    New replicas get traffic after they pass their readiness probe. Replicas that leave are removed from the balancer,
    then drained, then stopped and removed: unhealthy ones first, then old releases, then the newest.

    A request that cannot work is refused before anything starts: more reserved memory than the machine has, more
    database connections than PostgreSQL accepts, fixed host ports or a container_name on the service.

    \b
    Examples:
      videa scale 3
      videa scale +1
      videa scale web=3 worker=+2
      videa scale 5 --dry-run
      videa scale 5 --detach
      videa scale 0 --force
    """
    from videa_cli.operation import carry_out

    wanted = parse_all(numbers)
    options: Options = context.obj
    if detach and not in_job():
        hand_over(options, as_json, dry_run)
        return

    def run(operation: Operation) -> Outcome:
        project = operation.stack.project
        named = {name or project.implied_service: count for name, count in wanted.items()}
        if len(named) < len(wanted):
            raise UsageError(f"{project.implied_service} has two numbers of replicas", "see videa scale --help")
        return operation.scale_all(named, force, dry_run)

    carry_out(options, "scaled", run, as_json, dry_run, lock_wait)


def parse_all(texts: list[str]) -> dict[str, Callable[[int], int]]:
    """Service -> function from the current to the wanted number of replicas; "" is the default service.

    Raises UsageError.
    """
    wanted: dict[str, Callable[[int], int]] = {}
    for text in texts:
        service, sign, number = text.rpartition("=")
        if sign and not service:
            raise UsageError(f"{text!r} names no service", HINT)
        if service in wanted:
            raise UsageError(f"{service or 'one service'} has two numbers of replicas", "see videa scale --help")
        wanted[service] = parse(number)
    return wanted


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
commands.command("scale", cls=Command, context_settings={"ignore_unknown_options": True})(scale)
