"""The exit codes of videa. ``videa doctor`` has its own: see its --help."""

from __future__ import annotations

from enum import IntEnum

from ops.errors import (
    BalancerError,
    ConfigError,
    EngineError,
    Interrupted,
    Left,
    LockHeld,
    PlanRefused,
    UsageError,
    VideaError,
)


class ExitCode(IntEnum):
    """Documented in `videa --help`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    ENGINE = 4
    BALANCER = 5
    REFUSED = 6
    LOCKED = 7
    NOT_ROLLED_BACK = 8
    BUG = 70
    INTERRUPTED = 130


CODES: tuple[tuple[type[VideaError], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (ConfigError, ExitCode.CONFIG),
    (EngineError, ExitCode.ENGINE),
    (BalancerError, ExitCode.BALANCER),
    (PlanRefused, ExitCode.REFUSED),
    (LockHeld, ExitCode.LOCKED),
    (Interrupted, ExitCode.INTERRUPTED),
)


def exit_code_of(error: VideaError) -> ExitCode:
    """The exit code of an error: NOT_ROLLED_BACK if it was not rolled back, otherwise by the error's type.

    If another process has taken over the operation, that process rolls it back.
    """
    if error.aftermath and error.aftermath.left is Left.TAKEN_OVER:
        return ExitCode.LOCKED
    if error.aftermath and not error.aftermath.as_before:
        return ExitCode.NOT_ROLLED_BACK
    return next((code for kind, code in CODES if isinstance(error, kind)), ExitCode.FAILED)
