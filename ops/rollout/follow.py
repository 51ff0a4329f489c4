"""Follows an operation of another process: turns its journal into the events that the process itself emits."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ops.errors import TAKE_UP, PlanRefused
from ops.events import Emit, Event, Remark, RollingBack, ServiceReached, Standing, StepEnded, StepStarted, UnderWay
from ops.rollout import history
from ops.rollout.entries import Entry, Header, JournalState, ReturnEntry, StepEntry
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.stack import Stack

INTERVAL = 0.5
"""Seconds between two reads of the journal."""

Happened = tuple[float, Event]
"""An event with its Unix time."""


def follow(stack: Stack, emit: Emit) -> history.Entry | None:
    """Emits the past and future events of the running operation until it ends. Returns its history entry, if known.

    Raises PlanRefused if no operation is running.
    """
    journal, lock = Journal(stack.store, stack.project.name), Lock(stack.store, stack.project.name)
    holder = lock.operation_holder()
    if holder is None:
        state = journal.read()
        hint = "see `videa history`" if state is None else f"{state} was interrupted: videa deploy --resume, or --abort"
        if state and state.waiting:
            hint = f"no process carries out {state}; {TAKE_UP}"
        raise PlanRefused("no operation is running", hint)
    emit(UnderWay(Standing(holder.command, holder.who)))
    tail = Tail()
    while True:
        now = lock.operation_holder()
        under_way = now is not None and now.since == holder.since
        state = journal.read()
        for _, event in tail.read(state, time.time()) if state and under_way else ():
            emit(event)
        if not under_way:
            break
        time.sleep(INTERVAL)
    for _, event in tail.end(time.time()):
        emit(event)
    ended = [entry for entry in history.read(stack) if entry.command == holder.command]
    if not ended or ended[-1].time <= holder.since.timestamp():
        return None
    emit(ended[-1].ended)
    return ended[-1]


class Tail:
    """The events in a growing journal, each reported once. A step has ended when the next one starts.

    Durations come from the times in the entries, because several entries may be read at the same time. Verdicts and
    other remarks have no time in the journal: they get the time of the read or, if they are older than the first read,
    the time of the next step.
    """

    def __init__(self) -> None:
        self._header: Header | None = None
        self._read = 0
        self._begun: StepEntry | None = None
        self._known = 0.0

    def read(self, state: JournalState, now: float) -> Iterator[Happened]:
        """The events since the previous read. ``now``: Unix time."""
        first = self._header is None
        if state.header != self._header:
            self._read, self._header = 0, state.header
            self._known = max(self._known, state.header.time)
            if state.header.following or state.earlier:
                yield self._known, ServiceReached(state.header.service)
        new = state.entries[self._read :]
        self._read = len(state.entries)
        for number, entry in enumerate(new, 1):
            later = next((other.time for other in new[number:] if isinstance(other, StepEntry)), now)
            yield from self._converted(entry, later if first else now)

    def end(self, now: float) -> Iterator[Happened]:
        """The end of the last step, at ``now``."""
        if self._begun is not None:
            yield now, StepEnded(self._begun.step, max(0.0, now - self._begun.time))
        self._begun = None

    def _converted(self, entry: Entry, now: float) -> Iterator[Happened]:
        if isinstance(entry, StepEntry):
            self._known = entry.time
            begun = self._begun
            if begun and entry.wait and begun.step == entry.step:
                return  # another process has resumed its wait
            yield from self.end(entry.time)
            self._begun = entry
            yield entry.time, StepStarted(entry.step)
        elif isinstance(entry, Remark):
            yield max(now, self._known), entry
        elif isinstance(entry, ReturnEntry):
            yield max(now, self._known), RollingBack(entry.reason)
