"""What ops emits while it works. The command line, the journal and tests listen; ops itself never prints.

One tagged union, as the steps that it tells of are; words are made of it in the CLI.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import msgspec

from ops.errors import VideaError
from ops.steps import AnyStep


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


class Note(msgspec.Struct, frozen=True, tag="note"):
    """Something worth knowing that is no step: a warning, a fact."""

    text: str


class Standing(msgspec.Struct, frozen=True, tag="standing"):
    """An operation, and the step that it has begun last: ``number`` of ``total``, None before the first."""

    command: str
    who: str
    number: int = 0
    total: int = 0
    step: AnyStep | None = None


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


News: TypeAlias = (
    Note
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
    step = Task(what) if isinstance(what, str) else what
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
