"""The operation that has not ended, as the page shows it, from its journal and its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.errors import CONTINUE, TAKE_UP
from ops.events import (
    LeftWaiting,
    OperationInterrupted,
    RollingBack,
    ServiceReached,
    StepEnded,
    StepStarted,
    UnderWay,
    VerdictGiven,
)
from ops.rollout.entries import JournalState
from ops.rollout.follow import Happened
from ops.rollout.request import Strategy
from videa_cli.event_lines import Mark, event_line
from videa_cli.words import words


@dataclass
class Line:
    """A step, a verdict or a remark. ``seconds``: the duration of a step that has ended."""

    mark: Mark
    text: str
    begun: float
    seconds: float | None = None
    step: bool = False


@dataclass(frozen=True)
class Progress:
    """``phase``: running, waiting, rolling back or interrupted; ``advice``: what to do, "" if nothing.

    ``shares``: those of a canary, each with whether it was reached; ``number`` of ``total`` steps; ``verdict``: the
    last one with latencies.
    """

    title: str
    who: str
    release: str
    begun: float
    phase: str
    advice: str
    number: int
    total: int
    shares: tuple[tuple[float, bool], ...]
    lines: tuple[Line, ...]
    verdict: VerdictGiven | None = None


def progress_of(state: JournalState, attended: bool, happened: Iterable[Happened]) -> Progress:
    """Combines the journal with the events until now. ``attended``: a process is carrying out the operation."""
    standing, request = state.standing, state.header.request
    phase = "rolling back" if state.returning else "waiting" if state.waiting else "running"
    advice = ""
    if not attended:
        phase = phase if state.waiting else "interrupted"
        advice = f"no process runs it; {TAKE_UP if state.waiting else CONTINUE}"
    happened = list(happened)
    canary = request is not None and request.strategy is Strategy.CANARY
    shares = tuple((share, share <= state.reached) for share in request.shares) if request and canary else ()
    return Progress(
        title=standing.command,
        who=standing.who,
        release=state.header.target.release,
        begun=(state.earlier[0] if state.earlier else state).header.time,
        phase=phase,
        advice=advice,
        number=standing.number,
        total=standing.total,
        shares=shares,
        lines=tuple(_lines(happened)),
        verdict=next((e for _, e in reversed(happened) if isinstance(e, VerdictGiven) and e.canary), None),
    )


def _lines(happened: Iterable[Happened]) -> list[Line]:
    """The events since the operation began; the start and the end of a step are one line."""
    lines: list[Line] = []
    for moment, event in happened:
        if isinstance(event, UnderWay):
            lines = []
        elif isinstance(event, StepStarted):
            lines.append(Line(Mark.BEGUN, words(event.step), moment, step=True))
        elif isinstance(event, StepEnded):
            if begun := next((line for line in reversed(lines) if line.step), None):
                begun.mark, begun.seconds = Mark.GOOD, event.seconds
        elif isinstance(event, LeftWaiting | OperationInterrupted):
            continue  # the advice says this as long as it is true
        elif isinstance(event, ServiceReached):
            lines.append(Line(Mark.NOTE, f"service {words(event)}", moment))
        else:
            mark = Mark.BAD if isinstance(event, RollingBack) else event_line(event)[0]
            lines.append(Line(mark, words(event), moment))
    return lines
