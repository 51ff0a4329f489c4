"""The errors of ops.

VideaError                  message: what is wrong, hint: what to do
|-- UsageError              the request itself is invalid
|-- ConfigError             the Compose file or its x-videa section is wrong
|-- EngineError             Docker refused or failed
|   |-- EngineUnreachable   no engine, or no permission to use it
|   `-- ImageUnavailable    an image is neither on the engine nor in a registry
|-- BalancerError           nginx is not running or does not answer
|   `-- ConfigRefused       nginx -t refused the rendered configuration
|-- PlanRefused             the operation cannot work, so nothing was started
|-- OperationFailed         the operation was tried and failed
|   |-- ReplicaNotReady     a new replica did not become ready
|   |-- OneShotFailed       a service that must complete before the release has failed
|   |-- ReleaseFailed       a check or the judgement of the canary failed the new release
|   |-- Aborted             somebody aborted the operation from another terminal
|   `-- StableGone          no rollback is possible: no old replica is ready, so the new ones keep serving
|-- LockHeld                another operation is running
`-- Interrupted             the operator stopped the operation

The state that a failed operation leaves is in its error's ``aftermath``; only ``explained`` turns it into text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

CONTINUE = "roll it back: videa deploy --abort; or complete it: videa deploy --resume"

TAKE_UP = "end the wait: videa promote; roll it back: videa abort; or resume the wait: videa deploy --resume"


class Left(Enum):
    """The state in which a failed operation leaves the stack."""

    UNCHANGED = "nothing was changed"
    ROLLED_BACK = "everything was rolled back"
    NEW_SERVES = "it was not rolled back"
    """No old replica is ready, so the new replicas keep serving."""
    HALF_WAY = "it could not be rolled back"
    PAUSED = "it was not rolled back, because failure_action is pause"
    NOT_AS_BEFORE = "it was rolled back, but the stack is not as before"
    """Something else has changed it in the meantime."""
    DIFFERS = "all steps are done, but the result is not as planned"
    """Something else has changed the stack in the meantime."""
    UNCHECKED = "all steps are done, but the result could not be checked"
    STOPPED = "it stopped where it was"
    """It lost its lock: another operation may already be running."""
    TAKEN_OVER = "another operation has taken over"
    """It lost its lock and its journal no longer exists: it cannot be resumed."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The result of a failed operation.

    ``reason``: why the stack is not as before, one line; ``repair``: what to do then if nothing can be resumed.
    ``replicas``: for HALF_WAY and PAUSED, the replicas that exist now, None if unknown; for ROLLED_BACK, the replicas
    that did not serve before the operation and were not restored.
    """

    left: Left
    reason: str = ""
    replicas: tuple[str, ...] | None = None
    repair: str = ""

    @property
    def as_before(self) -> bool:
        """Whether the stack is as it was before the operation."""
        return self.left in (Left.UNCHANGED, Left.ROLLED_BACK)


class VideaError(Exception):
    """A failure with an explanation for the user: one line says what is wrong, one line says what to do.

    ``detail``: such as the output of a failed command; shown only with ``--verbose``, or always if ``shows_detail``.
    """

    shows_detail = False

    def __init__(self, message: str, hint: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.aftermath: Aftermath | None = None


class UsageError(VideaError):
    """The request itself is invalid."""


class ConfigError(VideaError):
    """The Compose file, its environment or its x-videa section is wrong."""


class EngineError(VideaError):
    """Docker refused or failed."""


class EngineUnreachable(EngineError):
    """There is no engine, or no permission to use it."""


class ImageUnavailable(EngineError):
    """An image is neither on the engine nor in a registry."""


class BalancerError(VideaError):
    """nginx is not running or does not answer."""


class ConfigRefused(BalancerError):
    """``nginx -t`` refused a rendered configuration; the active one is unchanged."""


class PlanRefused(VideaError):
    """The operation cannot work, so nothing was started."""


class OperationFailed(VideaError):
    """The operation was tried and failed."""


class ReplicaNotReady(OperationFailed):
    """A new replica did not become ready. ``detail``: the last lines of its log."""

    shows_detail = True


class OneShotFailed(OperationFailed):
    """A service that must complete before the release has failed. ``detail``: the last lines of its log."""

    shows_detail = True


class ReleaseFailed(OperationFailed):
    """A check, or the judgement of the canary, failed the new release."""


class Aborted(OperationFailed):
    """Somebody aborted the operation from another terminal."""


class StableGone(OperationFailed):
    """No old replica is ready, so the new replicas keep serving instead of a rollback."""


class LockHeld(VideaError):
    """Another operation on the same project is running."""


class Interrupted(VideaError):
    """The operator stopped the operation."""


Failure = TypeVar("Failure", bound=VideaError)


def explained(error: Failure, aftermath: Aftermath) -> Failure:
    """Adds the aftermath of an operation to its error: the state of the stack, and what to do."""
    left, reason = aftermath.left, f": {aftermath.reason}" if aftermath.reason else ""
    error.aftermath = aftermath
    if aftermath.as_before:
        without = f", without {', '.join(aftermath.replicas)}, which did not serve" if aftermath.replicas else ""
        error.hint = "; ".join(filter(None, (f"{left.value}{without}", error.hint)))
        return error
    if left not in (Left.STOPPED, Left.TAKEN_OVER) or not isinstance(error, LockHeld):  # its message says so
        error.message = f"{error.message}; {left.value}{reason}" if error.message else f"{left.value}{reason}"
    if left is Left.NEW_SERVES:
        error.hint = "the new replicas keep serving; complete the deploy: videa deploy --resume; or start another one"
    elif left in (Left.HALF_WAY, Left.PAUSED):
        error.hint = f"{_inventory(aftermath)}{CONTINUE}"
    elif left in (Left.NOT_AS_BEFORE, Left.DIFFERS, Left.UNCHECKED):
        error.hint = f"{aftermath.repair}; `videa status` shows the stack"
    elif left is Left.TAKEN_OVER:
        if isinstance(error, LockHeld):
            error.message = f"{left.value}, so this one stopped where it was"
        error.hint = "see what it does: videa lock status, videa status, videa history"
    else:
        error.hint = f"see who holds the lock: videa lock status; then {CONTINUE}"
    error.args = (error.message,)
    return error


def _inventory(aftermath: Aftermath) -> str:
    if aftermath.replicas is None:
        return "the current replicas are unknown: videa status shows them when Docker answers; then "
    return f"replicas now: {', '.join(aftermath.replicas) or 'none'}; "
