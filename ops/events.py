"""What ops emits while it works. The command line, the journal and tests listen; ops itself never prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from ops.errors import VideaError


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step of an operation begins. ``text`` says it in words: "start 3 replicas"."""

    text: str


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The step that ``text`` names is done. ``seconds``: how long it took."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """The step that ``text`` names failed; ``reason`` is one line."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing that is no step: a warning, a fact."""

    text: str


Event: TypeAlias = StepStarted | StepEnded | StepFailed | Note
Emit: TypeAlias = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Listener for callers that want no news."""


@contextmanager
def announced(text: str, emit: Emit) -> Iterator[None]:
    """Emits the begin and the end of a step, with its time or its reason to fail."""
    emit(StepStarted(text))
    begun = time.monotonic()
    try:
        yield
    except KeyboardInterrupt:
        emit(StepFailed(text, "interrupted"))
        raise
    except VideaError as error:
        emit(StepFailed(text, error.message))
        raise
    emit(StepEnded(text, time.monotonic() - begun))
