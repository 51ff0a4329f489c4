"""The option --lock-wait: retries when the operation of another process has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.events import Emit
    from ops.stack import Stack
    from videa_cli.context import Options

Result = TypeVar("Result")


def _seconds(given: object) -> float:
    from ops.project.units import parse_duration

    if isinstance(given, float):
        return given
    try:
        return float(parse_duration(given))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


LockWait: TypeAlias = Annotated[
    float,
    typer.Option(
        "--lock-wait",
        parser=_seconds,
        metavar="TIME",
        show_default=False,
        help="How long to wait for another operation to end, such as 10m.",
    ),
]
"""Seconds; with 0.0, another operation is an immediate error."""


def patiently(options: Options, lock_wait: float, emit: Emit, run: Callable[[Stack], Result]) -> Result:
    """Calls ``run``; if another operation is in progress, retries when it has ended, for ``lock_wait`` seconds.

    Each try reads the project anew, because the other operation may have changed .env. Raises LockHeld and the errors
    of ``run``.
    """
    from ops.errors import LockHeld
    from ops.notices import LockAwaited
    from ops.rollout.lock_wait import await_free

    until, awaited = time.monotonic() + lock_wait, False
    while True:
        stack = options.stack()
        try:
            return run(stack)
        except LockHeld as error:
            if error.aftermath or time.monotonic() >= until:  # with an aftermath, the operation had begun
                raise
            if not awaited:
                emit(LockAwaited(error.message, lock_wait))
            awaited = True
        await_free(stack.store, stack.project.name, until)
