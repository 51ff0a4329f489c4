"""The events of a project as a stream: those of past operations, then those of the current one as they happen."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from ops.events import LeftWaiting, OperationInterrupted, Resuming, UnderWay
from ops.rollout import history
from ops.rollout.entries import Header, JournalState
from ops.rollout.follow import Happened, Tail
from ops.rollout.holder import Holder
from ops.rollout.under_way import observe
from ops.stack import Stack

FOUND = "found"
"""The action of a history entry that is not an operation: videa has found a release that it did not deploy."""


class EventStream:
    """The events since the previous ``look``. ``since``: Unix time of the first event."""

    def __init__(self, stack: Stack, since: float = 0.0) -> None:
        self._stack, self._since = stack, since
        self._ended: set[tuple[float, str, str]] = set()
        self._header: Header | None = None
        self._tail = Tail()
        self._left = False
        """Whether it was reported that no process is carrying out the operation."""
        self.state: JournalState | None = None
        self.holder: Holder | None = None
        self.entries: list[history.Entry] = []

    def look(self) -> list[Happened]:
        """The new events, in order. Also updates the attributes for the journal, its holder and the history.

        If an operation ended since the previous call, its last steps are missing, because its journal was removed.
        Raises EngineError.
        """
        self.state, self.holder = observe(self._stack.store, self._stack.project.name)
        self.entries = history.read(self._stack)
        new = [entry for entry in self.entries if _is_end(entry) and _identity(entry) not in self._ended]
        self._ended |= set(map(_identity, new))
        found = [*self._events(new, time.time())]
        return [(moment, event) for moment, event in found if moment >= self._since]

    def _events(self, new: Iterable[history.Entry], now: float) -> Iterator[Happened]:
        state = self.state
        header = _first(state) if state else None
        begun = header.time if header else now
        later = []
        for entry in new:
            if self._header is None and entry.time < begun:
                yield entry.time, entry.ended
            else:
                later.append(entry)
        if header != self._header:
            yield from self._tail.end(min((entry.time for entry in later), default=now))
            self._header, self._tail, self._left = header, Tail(), False
            if state and header:
                yield begun, UnderWay(state.standing)
        if state:
            if self._left and self.holder:
                self._left = False
                yield now, Resuming(state.standing)
            yield from self._tail.read(state, now)
            if not self._left and self.holder is None:
                self._left = True
                yield now, LeftWaiting(state.standing) if state.waiting else OperationInterrupted(state.standing)
        for entry in later:
            yield entry.time, entry.ended


def _first(state: JournalState) -> Header:
    """The header with which the operation began."""
    return state.earlier[0].header if state.earlier else state.header


def _identity(entry: history.Entry) -> tuple[float, str, str]:
    return entry.time, entry.command, entry.service


def _is_end(entry: history.Entry) -> bool:
    """Whether the entry is the end of an operation: an operation that waits without a process has an entry, too."""
    return entry.action != FOUND and entry.result != history.LEFT
