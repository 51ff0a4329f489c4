"""Events as the lines of a list, each with a mark and a text."""

from __future__ import annotations

from enum import Enum

from ops.events import Event, Kind, OperationEnded, StepEnded, StepFailed, StepStarted, VerdictGiven
from ops.rollout.history import DONE
from videa_cli.words import words


class Mark(Enum):
    """What an event means for the operation; the value is the character before the text."""

    BEGUN = "…"
    GOOD = "✓"
    BAD = "✗"
    NOTE = "!"


def event_line(event: Event) -> tuple[Mark, str]:
    """The mark and the text of any event."""
    if isinstance(event, StepStarted):
        return Mark.BEGUN, words(event.step)
    if isinstance(event, StepEnded):
        return Mark.GOOD, f"{words(event.step)} ({event.seconds:.1f} s)"
    if isinstance(event, StepFailed):
        return Mark.BAD, f"{words(event.step)}: {event.reason}"
    return _mark(event), words(event)


def _mark(event: Event) -> Mark:
    if isinstance(event, VerdictGiven):
        return {Kind.PASS: Mark.GOOD, Kind.FAIL: Mark.BAD}.get(event.kind, Mark.NOTE)
    if isinstance(event, OperationEnded):
        return Mark.GOOD if event.result == DONE else Mark.BAD
    return Mark.NOTE
