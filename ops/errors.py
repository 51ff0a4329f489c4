"""Everything that ops can refuse or fail with.

VideaError                  message: what is wrong, hint: what to do
|-- UsageError              the request itself makes no sense
|-- ConfigError             the Compose file or its x-videa section
|-- EngineError             Docker said no
|   |-- EngineUnreachable   no engine, or no right to use it
|   `-- ImageUnavailable    an image is neither here nor in a registry
|-- BalancerError           nginx is not there or does not answer
|   `-- ConfigRefused       nginx -t refused the rendered configuration
|-- PlanRefused             it cannot work, so nothing was started
|-- OperationFailed         it was tried and failed
|   |-- ReplicaNotReady     a new replica did not become ready
|   |-- ReleaseFailed       a check or the judgement of the canary went against the new release
|   |-- Aborted             somebody aborted it from another terminal
|   `-- StableGone          it cannot be put back: nothing of before is ready, so the new replicas keep serving
|-- LockHeld                another operation is under way
`-- Interrupted             the operator stopped it

What an operation that failed has left is its error's ``aftermath``, and only ``explained`` puts that into words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

CONTINUE = "put it back: videa deploy --abort; or finish it: videa deploy --resume"


class Left(Enum):
    """How an operation that failed has left the stack."""

    UNCHANGED = "nothing was changed"
    PUT_BACK = "everything was put back"
    NEW_SERVES = "it was not put back"
    """Nothing of before is there and ready, so the new replicas keep serving."""
    HALF_WAY = "it could not be put back"
    STOPPED = "it stopped where it was"
    """Its lock was lost: somebody else may be at work already."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What has become of an operation that failed.

    ``reason``: why it is not as before, one line; ``replicas``: HALF_WAY, which ones there are now, None when that is
    not known; PUT_BACK, which ones did not serve before and are gone.
    """

    left: Left
    reason: str = ""
    replicas: tuple[str, ...] | None = None

    @property
    def as_before(self) -> bool:
        """Whether the stack is as it was before the operation."""
        return self.left in (Left.UNCHANGED, Left.PUT_BACK)


class VideaError(Exception):
    """A failure that is explained to its user: one line of what is wrong, one line of what to do.

    ``detail`` is what only ``--verbose`` shows, such as the output of a command that failed.
    """

    def __init__(self, message: str, hint: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.aftermath: Aftermath | None = None


class UsageError(VideaError):
    """The request itself makes no sense."""


class ConfigError(VideaError):
    """The Compose file, its environment or its x-videa section is wrong."""


class EngineError(VideaError):
    """Docker refused or failed."""


class EngineUnreachable(EngineError):
    """There is no engine, or no right to use it."""


class ImageUnavailable(EngineError):
    """An image is neither on the engine nor in a registry."""


class BalancerError(VideaError):
    """nginx is not there or does not answer."""


class ConfigRefused(BalancerError):
    """``nginx -t`` refused a rendered configuration; the one in use was not touched."""


class PlanRefused(VideaError):
    """The operation cannot work, so nothing was started."""


class OperationFailed(VideaError):
    """The operation was tried and failed."""


class ReplicaNotReady(OperationFailed):
    """A new replica did not become ready."""


class ReleaseFailed(OperationFailed):
    """A check, or the judgement of the canary, went against the new release."""


class Aborted(OperationFailed):
    """Somebody aborted the operation from another terminal."""


class StableGone(OperationFailed):
    """Nothing of before is ready, so the new replicas were left to serve instead of putting everything back."""


class LockHeld(VideaError):
    """Another operation on the same project is under way."""


class Interrupted(VideaError):
    """The operator stopped the operation."""


Failure = TypeVar("Failure", bound=VideaError)


def explained(error: Failure, aftermath: Aftermath) -> Failure:
    """The error of an operation, saying what it has left and what to do about that."""
    left, reason = aftermath.left, f": {aftermath.reason}" if aftermath.reason else ""
    error.aftermath = aftermath
    if aftermath.as_before:
        without = f", without {', '.join(aftermath.replicas)}, which did not serve" if aftermath.replicas else ""
        error.hint = "; ".join(filter(None, (f"{left.value}{without}", error.hint)))
        return error
    if left is not Left.STOPPED or not isinstance(error, LockHeld):  # whose own words are just that
        error.message = f"{error.message}; {left.value}{reason}" if error.message else f"{left.value}{reason}"
    if left is Left.NEW_SERVES:
        error.hint = "the new replicas keep serving; finish the deploy with `videa deploy --resume`, or start another"
    elif left is Left.HALF_WAY:
        error.hint = f"{_inventory(aftermath)}{CONTINUE}"
    else:
        error.hint = f"see who has the lock: videa lock status; then {CONTINUE}"
    error.args = (error.message,)
    return error


def _inventory(aftermath: Aftermath) -> str:
    if aftermath.replicas is None:
        return "which replicas there are is not known: videa status shows it when Docker answers; then "
    return f"there are now: {', '.join(aftermath.replicas) or 'no replicas'}; "
