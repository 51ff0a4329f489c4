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
|-- OperationFailed         it was tried, failed, and was put back
|   |-- ReplicaNotReady     a new replica did not become ready
|   |-- ReleaseFailed       a check or the judgement of the canary went against the new release
|   |-- Aborted             somebody aborted it from another terminal
|   `-- StableGone          it cannot be put back: nothing of before is ready, so the new replicas keep serving
|-- LockHeld                another operation is under way
`-- Interrupted             the operator stopped it
"""

from __future__ import annotations


class VideaError(Exception):
    """A failure that is explained to its user: one line of what is wrong, one line of what to do.

    ``detail`` is what only ``--verbose`` shows, such as the output of a command that failed.
    """

    def __init__(self, message: str, hint: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


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
    """The operation was tried, failed, and was put back."""


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
