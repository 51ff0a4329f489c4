"""The events that ops emits during its work. The command line, the journal and tests receive them; ops never prints.

They are one tagged union, like the steps; only the CLI turns them into text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TypeAlias

import msgspec

from ops.errors import VideaError
from ops.notices import Notice
from ops.steps import AnyStep, Wait, redacted


class Task(msgspec.Struct, frozen=True, tag="task"):
    """A task that is not a step of an operation, such as building an image. ``text``: its description."""

    text: str


class Transferred(msgspec.Struct, frozen=True, tag="transferred"):
    """A transfer has made progress. ``text``: the task; ``done``, ``total``: bytes; ``total`` is an estimate."""

    text: str
    done: int
    total: int


class Back(msgspec.Struct, frozen=True, tag="back"):
    """The rollback of a step that has its own way of being undone."""

    step: AnyStep


Doing: TypeAlias = AnyStep | Task | Back


class StepStarted(msgspec.Struct, frozen=True, tag="step_started"):
    """A step or task starts."""

    step: Doing


class StepEnded(msgspec.Struct, frozen=True, tag="step_ended"):
    """A step or task is complete. ``seconds``: its duration."""

    step: Doing
    seconds: float


class StepFailed(msgspec.Struct, frozen=True, tag="step_failed"):
    """A step or task failed. ``reason``: one line."""

    step: Doing
    reason: str


class Kind(Enum):
    """A verdict on a canary. The deploy continues only after ``PASS``: a missing verdict is not a success."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class VerdictGiven(msgspec.Struct, frozen=True, tag="verdict_given"):
    """A verdict on the canary at ``percent`` of the traffic. ``reason``: one line; ``numbers``: its figures.

    ``canary``, ``stable``: the compared latencies, in the buckets of ``ops.balancer.tally.Latencies.histogram``.
    """

    percent: float
    kind: Kind
    reason: str
    numbers: str
    canary: tuple[int, ...] = ()
    stable: tuple[int, ...] = ()


class Promoted(msgspec.Struct, frozen=True, tag="promoted"):
    """The user ``who`` has ended a wait. ``percent``: the share judged until then, None if there was none."""

    who: str
    percent: float | None = None


class NoVerdict(msgspec.Struct, frozen=True, tag="no_verdict"):
    """There is no verdict on the canary at ``percent`` after ``seconds``, so the deploy waits for a user's decision."""

    percent: float
    seconds: float


class HookFailed(msgspec.Struct, frozen=True, tag="hook_failed"):
    """A hook failed, and the operation continues. ``reason``: one line."""

    hook: str
    reason: str


class Standing(msgspec.Struct, frozen=True, tag="standing"):
    """An operation and its current step: ``number`` of ``total``, None before the first step.

    ``wait``: the wait in this step, None if the operation does not wait.
    """

    command: str
    who: str
    number: int = 0
    total: int = 0
    step: AnyStep | None = None
    wait: Wait | None = None


class OperationEnded(msgspec.Struct, frozen=True, tag="operation_ended"):
    """An operation has ended, successfully or not.

    ``action``: scale, rolling, blue-green, canary, rollback or abort; ``result``: DONE, or the error in one line;
    ``seconds``: its duration; ``left``: the state after a failure (``ops.errors.Left``) in lower case, "" if it did not
    fail or the state is unknown. ``requests``, ``failed``: all and failed requests during the operation, None if
    unknown.
    """

    command: str
    who: str
    action: str
    release: str
    result: str
    seconds: float
    left: str = ""
    requests: int | None = None
    failed: int | None = None


class LeftWaiting(msgspec.Struct, frozen=True, tag="left_waiting"):
    """The process that ran an operation has exited while it waits; any process may resume it."""

    operation: Standing


class OwnFault(msgspec.Struct, frozen=True, tag="own_fault"):
    """A bug in videa has ended an operation. ``left``: the state of the stack now, as text."""

    error: str
    left: str


class Resuming(msgspec.Struct, frozen=True, tag="going_on"):
    """An interrupted operation continues."""

    operation: Standing


class RollingBack(msgspec.Struct, frozen=True, tag="going_back"):
    """The rollback starts. ``reason``: one line, "" if already reported; ``operation``: the aborted one."""

    reason: str = ""
    operation: Standing | None = None


class Superseded(msgspec.Struct, frozen=True, tag="superseded"):
    """Another operation replaces an interrupted one."""

    operation: Standing


class ServiceReached(msgspec.Struct, frozen=True, tag="service_reached"):
    """The next steps are for this service, one of several in the operation."""

    service: str


class UnderWay(msgspec.Struct, frozen=True, tag="under_way"):
    """The operation that the user follows."""

    operation: Standing


class Retrying(msgspec.Struct, frozen=True, tag="retrying"):
    """Docker or nginx did not answer during a rollback; videa retries. ``reason``: one line."""

    reason: str


class JournalLeft(msgspec.Struct, frozen=True, tag="journal_left"):
    """An operation has ended, but its journal could not be removed. ``reason``: one line."""

    reason: str


class HistoryIncomplete(msgspec.Struct, frozen=True, tag="history_incomplete"):
    """An operation has ended, but could not be written to the history. ``reason``: one line."""

    reason: str


class OperationInterrupted(msgspec.Struct, frozen=True, tag="broken_off"):
    """An interrupted operation exists, so the balancer's configuration is not changed."""

    operation: Standing


Remark: TypeAlias = VerdictGiven | Promoted | NoVerdict | HookFailed
"""The events that the journal also stores, for users who follow the operation from another terminal."""

News: TypeAlias = (
    Remark
    | OperationEnded
    | LeftWaiting
    | OwnFault
    | OperationInterrupted
    | Resuming
    | RollingBack
    | ServiceReached
    | Superseded
    | UnderWay
    | Transferred
    | Retrying
    | JournalLeft
    | HistoryIncomplete
    | Notice
)
"""All events except the start and the end of a step."""

Event: TypeAlias = StepStarted | StepEnded | StepFailed | News
Emit: TypeAlias = Callable[[Event], None]


def discard(event: Event) -> None:
    """A listener that ignores all events."""


@contextmanager
def announced(what: Doing | str, emit: Emit) -> Iterator[None]:
    """Emits the start and the end of a step or a task, with its duration or its error. ``what``: a string is a task."""
    step = Task(what) if isinstance(what, str) else what if isinstance(what, Task | Back) else redacted(what)
    emit(StepStarted(step))
    started = time.monotonic()
    try:
        yield
    except KeyboardInterrupt:
        emit(StepFailed(step, "interrupted"))
        raise
    except VideaError as error:
        emit(StepFailed(step, error.message))
        raise
    emit(StepEnded(step, time.monotonic() - started))
