"""What ops emits while it works. The command line, the journal and tests listen; ops itself never prints.

One tagged union, as the steps that it tells of are; words are made of it in the CLI.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TypeAlias

import msgspec

from ops.errors import VideaError
from ops.steps import AnyStep, Wait, told


class Task(msgspec.Struct, frozen=True, tag="task"):
    """Something that is done and that is no step of an operation, such as building an image. ``text``: what."""

    text: str


class Back(msgspec.Struct, frozen=True, tag="back"):
    """Undoing a step that has a way back of its own."""

    step: AnyStep


Doing: TypeAlias = AnyStep | Task | Back


class StepStarted(msgspec.Struct, frozen=True, tag="step_started"):
    """Something begins."""

    step: Doing


class StepEnded(msgspec.Struct, frozen=True, tag="step_ended"):
    """It is done. ``seconds``: how long it took."""

    step: Doing
    seconds: float


class StepFailed(msgspec.Struct, frozen=True, tag="step_failed"):
    """It failed; ``reason`` is one line."""

    step: Doing
    reason: str


class Kind(Enum):
    """A verdict on a canary. Only ``PASS`` lets it go on; silence is not success."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class VerdictGiven(msgspec.Struct, frozen=True, tag="verdict_given"):
    """A verdict on the canary at ``percent`` of the traffic. ``reason``: one line; ``numbers``: what it stands on."""

    percent: float
    kind: Kind
    reason: str
    numbers: str


class Promoted(msgspec.Struct, frozen=True, tag="promoted"):
    """A wait has ended because ``who`` has asked for it. ``percent``: judged until then, None where nothing was."""

    who: str
    percent: float | None = None


class NoVerdict(msgspec.Struct, frozen=True, tag="no_verdict"):
    """There was none on the canary at ``percent`` within ``seconds``, so it waits for people to decide."""

    percent: float
    seconds: float


class HookFailed(msgspec.Struct, frozen=True, tag="hook_failed"):
    """A hook failed that does not end the operation. ``reason``: one line."""

    hook: str
    reason: str


class Standing(msgspec.Struct, frozen=True, tag="standing"):
    """An operation, and the step that it has begun last: ``number`` of ``total``, None before the first.

    ``wait``: it waits in that step.
    """

    command: str
    who: str
    number: int = 0
    total: int = 0
    step: AnyStep | None = None
    wait: Wait | None = None


class OperationEnded(msgspec.Struct, frozen=True, tag="operation_ended"):
    """An operation has ended, well or not.

    ``action``: scale, rolling, blue-green, canary, rollback or abort; ``result``: DONE, or why not, one line; ``left``:
    what one that failed has left (``ops.errors.Left``), in small letters, "" where it did not fail or that is not
    known; ``seconds``: it took. ``requests``, ``failed``: of the traffic meanwhile, None when they are not known.
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
    """Whoever carried out an operation has left it while it waits; anybody may take it up."""

    operation: Standing


class OwnFault(msgspec.Struct, frozen=True, tag="own_fault"):
    """videa itself has failed in the middle of an operation. ``left``: what has become of that, in words."""

    error: str
    left: str


class GoingOn(msgspec.Struct, frozen=True, tag="going_on"):
    """An interrupted operation is taken up again."""

    operation: Standing


class GoingBack(msgspec.Struct, frozen=True, tag="going_back"):
    """From here on everything is put back. ``reason``: why, one line, empty when that has been said."""

    reason: str = ""
    operation: Standing | None = None


class Superseded(msgspec.Struct, frozen=True, tag="superseded"):
    """Another operation takes the place of an interrupted one."""

    operation: Standing


class UnderWay(msgspec.Struct, frozen=True, tag="under_way"):
    """The operation that is looked on at."""

    operation: Standing


class Retrying(msgspec.Struct, frozen=True, tag="retrying"):
    """Docker or nginx did not answer while something was put back; it is asked again. ``reason``: one line."""

    reason: str


class JournalLeft(msgspec.Struct, frozen=True, tag="journal_left"):
    """An operation has ended, and its journal could not be removed. ``reason``: one line."""

    reason: str


class HistoryIncomplete(msgspec.Struct, frozen=True, tag="history_incomplete"):
    """An operation has ended, and could not be recorded. ``reason``: one line."""

    reason: str


class BrokenOff(msgspec.Struct, frozen=True, tag="broken_off"):
    """An interrupted operation is still there, and what it has left to the balancer is left alone."""

    operation: Standing


class OrphansLeft(msgspec.Struct, frozen=True, tag="orphans_left"):
    """Running ``containers`` are of no service of the Compose file any more."""

    containers: tuple[str, ...]


class ChangedSince(msgspec.Struct, frozen=True, tag="changed_since"):
    """``services`` run otherwise than the Compose file has them by now, and were left so."""

    services: tuple[str, ...]


class ReleaseChanged(msgspec.Struct, frozen=True, tag="release_changed"):
    """The scaled service or its image has changed since its replicas were started."""


class PoolsUnchecked(msgspec.Struct, frozen=True, tag="pools_unchecked"):
    """The replicas' connection pools are not checked against PostgreSQL. ``reason``: one line."""

    reason: str


class ShellOnly(msgspec.Struct, frozen=True, tag="shell_only"):
    """Secret ``variables`` of the Compose file are set in this shell only, so videa does not write them to .env."""

    variables: tuple[str, ...]


class VariableShared(msgspec.Struct, frozen=True, tag="variable_shared"):
    """``services`` read a ``variable`` too that is about to change, and are not touched."""

    variable: str
    services: tuple[str, ...]


class ReplicasFixed(msgspec.Struct, frozen=True, tag="replicas_fixed"):
    """The Compose file says ``replicas`` without a variable to remember another number in, such as ``variable``."""

    replicas: int
    variable: str


class RequestsCut(msgspec.Struct, frozen=True, tag="requests_cut"):
    """``workers`` retired workers of nginx still had requests after ``seconds``, which are cut now."""

    workers: int
    seconds: float


class TakenOut(msgspec.Struct, frozen=True, tag="taken_out"):
    """`videa watch` has taken a replica out of the balancer. ``reason``: one line."""

    replica: str
    reason: str


class LetBack(msgspec.Struct, frozen=True, tag="let_back"):
    """`videa watch` lets the balancer serve a replica again that it had taken out."""

    replica: str


class RoundSkipped(msgspec.Struct, frozen=True, tag="round_skipped"):
    """`videa watch` could not ask, or not change what it had to. ``reason``: one line."""

    reason: str


Remark: TypeAlias = VerdictGiven | Promoted | NoVerdict | HookFailed
"""What the journal keeps too, for whoever looks on from elsewhere."""

News: TypeAlias = (
    Remark
    | OperationEnded
    | LeftWaiting
    | OwnFault
    | BrokenOff
    | OrphansLeft
    | ChangedSince
    | ReleaseChanged
    | PoolsUnchecked
    | ShellOnly
    | VariableShared
    | ReplicasFixed
    | RequestsCut
    | GoingOn
    | GoingBack
    | Superseded
    | UnderWay
    | Retrying
    | JournalLeft
    | HistoryIncomplete
    | TakenOut
    | LetBack
    | RoundSkipped
)
"""What is neither the beginning nor the end of something."""

Event: TypeAlias = StepStarted | StepEnded | StepFailed | News
Emit: TypeAlias = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Listener for callers that want no news."""


@contextmanager
def announced(what: Doing | str, emit: Emit) -> Iterator[None]:
    """Emits the begin and the end of a step, or of a task in words, with its time or its reason to fail."""
    step = Task(what) if isinstance(what, str) else what if isinstance(what, Task | Back) else told(what)
    emit(StepStarted(step))
    begun = time.monotonic()
    try:
        yield
    except KeyboardInterrupt:
        emit(StepFailed(step, "interrupted"))
        raise
    except VideaError as error:
        emit(StepFailed(step, error.message))
        raise
    emit(StepEnded(step, time.monotonic() - begun))
