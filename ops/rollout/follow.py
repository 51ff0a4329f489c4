"""Follows an operation of another process: turns its journal into the events that the process itself emits."""

from __future__ import annotations

import time

from ops.errors import TAKE_UP, PlanRefused
from ops.events import Emit, Remark, RollingBack, ServiceReached, Standing, StepEnded, StepStarted, UnderWay
from ops.rollout import history
from ops.rollout.entries import Entry, ReturnEntry, StepEntry
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.stack import Stack
from ops.steps import AnyStep

INTERVAL = 0.5
"""Seconds between two reads of the journal."""


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
    emitted, header, converter = 0, None, _Converter(emit)
    while True:
        now = lock.operation_holder()
        under_way = now is not None and now.since == holder.since
        state = journal.read()
        if state and state.header != header:
            emitted, header = 0, state.header
            if header.following or state.earlier:
                emit(ServiceReached(header.service))
        for entry in state.entries[emitted:] if state and under_way else ():
            converter.convert(entry)
            emitted += 1
        if not under_way:
            break
        time.sleep(INTERVAL)
    converter.end(time.time())
    ended = [entry for entry in history.read(stack) if entry.command == holder.command]
    if not ended or ended[-1].time <= holder.since.timestamp():
        return None
    emit(ended[-1].ended)
    return ended[-1]


class _Converter:
    """Turns entries into events. A step has ended when the next one starts.

    Durations come from the times in the entries, because several entries may be read at the same time.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._step: AnyStep | None = None
        self._begun = 0.0

    def convert(self, entry: Entry) -> None:
        if isinstance(entry, StepEntry):
            self.end(entry.time)
            self._step, self._begun = entry.step, entry.time
            self._emit(StepStarted(entry.step))
        elif isinstance(entry, Remark):
            self._emit(entry)
        elif isinstance(entry, ReturnEntry):
            self._emit(RollingBack(entry.reason))

    def end(self, now: float) -> None:
        if self._step is not None:
            self._emit(StepEnded(self._step, max(0.0, now - self._begun)))
        self._step = None
