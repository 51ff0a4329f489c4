"""Looking on while another process works: what it writes into its journal, as the events that it emits itself."""

from __future__ import annotations

import time

from ops.errors import TAKE_UP, PlanRefused
from ops.events import Emit, Remark, RollingBack, Standing, StepEnded, StepStarted, UnderWay
from ops.rollout import history
from ops.rollout.journal import Entry, Journal, ReturnEntry, StepEntry
from ops.rollout.lock import Lock
from ops.stack import Stack
from ops.steps import AnyStep

LOOK = 0.5
"""Seconds between two looks."""


def follow(stack: Stack, emit: Emit) -> history.Entry | None:
    """Tells ``emit`` what the operation under way has done and does, until it ends; its line of the history, if known.

    Raises PlanRefused when none is under way.
    """
    journal, lock = Journal(stack.store, stack.project.name), Lock(stack.store, stack.project.name)
    holder = lock.operation_holder()
    if holder is None:
        state = journal.read()
        hint = "see `videa history`" if state is None else f"{state} was broken off: videa deploy --resume, or --abort"
        if state and state.waiting:
            hint = f"nobody attends {state}; {TAKE_UP}"
        raise PlanRefused("no operation is under way", hint)
    emit(UnderWay(Standing(holder.command, holder.who)))
    told, teller = 0, _Teller(emit)
    while True:
        now = lock.operation_holder()
        under_way = now is not None and now.since == holder.since
        state = journal.read()
        for entry in state.entries[told:] if state and under_way else ():
            teller.tell(entry)
            told += 1
        if not under_way:
            break
        time.sleep(LOOK)
    teller.end(time.time())
    written = [each for each in history.read(stack.project.directory) if each.command == holder.command]
    if not written or written[-1].time <= holder.since.timestamp():
        return None
    emit(written[-1].ended)
    return written[-1]


class _Teller:
    """Turns entries into events. A step has ended when the next begins.

    How long each took is told by the clock of whoever carries them out, since many may be read at once.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._step: AnyStep | None = None
        self._begun = 0.0

    def tell(self, entry: Entry) -> None:
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
