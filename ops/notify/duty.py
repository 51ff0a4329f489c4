"""The duty of the agent that notifies: reads what the engine stores, queues messages and sends them.

New messages and the record that they were queued are written at once, and a message leaves the queue only after its
target has accepted it. So a kill at any moment loses no message, and may send one twice, with the same id.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TypeAlias

from msgspec.structs import replace

from ops import documents
from ops.autoscale import state as autoscaled
from ops.documents import Kind
from ops.ejected import Ejected
from ops.errors import PlanRefused
from ops.events import Emit, Event
from ops.notices import DriftRepaired, DutyFailed, NotificationDelayed, ReplicaEjected, ReplicaLeftOut, ReplicaReturned
from ops.notify import queue, told
from ops.notify.message import DOCUMENT, Message, State
from ops.notify.send import send
from ops.project.notify import TEST
from ops.project.settings import Receiver
from ops.rollout import history
from ops.rollout.under_way import observe
from ops.stack import Stack

IDLE, BUSY = 10.0, 2.0
"""Seconds between two looks: without an operation, and during one."""

SHORTEST = 0.5
"""Seconds between two rounds while something is to be sent."""

HEARD = 500
"""Events of the agent that are kept between two rounds."""

Heard: TypeAlias = ReplicaEjected | ReplicaReturned | ReplicaLeftOut | DriftRepaired | DutyFailed

Send = Callable[[Receiver, Message, str], tuple[str, bool]]


@dataclass
class Notifications:
    """``stacks``: the services of the project, each time anew; ``watches``: whether this process watches the project.

    ``wake``: starts a round, from any thread. ``clock``: Unix time. ``send``: see ``ops.notify.send``.
    """

    stacks: Callable[[], Sequence[Stack]]
    watches: Callable[[], bool]
    wake: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time
    send: Send = send
    name: str = field(default="notify", init=False)
    on_change: bool = field(default=True, init=False)
    every: float = field(default=IDLE, init=False)
    _heard: deque[tuple[float, Heard]] = field(default_factory=lambda: deque(maxlen=HEARD), init=False)
    _differences: frozenset[str] = field(default=frozenset(), init=False)
    """Replicas whose stored state differs from what was reported for an entire round: an event explains it first."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _history: tuple[bytes, list[history.Entry]] = field(default=(b"", []), init=False)
    _errors: dict[str, str] = field(default_factory=dict, init=False)

    def hear(self, event: Event) -> None:
        """An event of the agent. Never blocks."""
        if isinstance(event, Heard):
            with self._lock:
                self._heard.append((self.clock(), event))
            self.wake()

    def run(self, emit: Emit) -> None:
        """One round. Raises EngineError."""
        try:
            stacks = self.stacks()
        except PlanRefused:  # the agent does nothing; the health checks say so
            return
        receivers = stacks[0].project.receivers if stacks else {}
        if not receivers or not self.watches():
            self.every = IDLE
            return
        stack = stacks[0]
        state, busy = self._look(stack, receivers)
        for name, receiver in receivers.items():
            for message in queue.due(state, name, self.clock()):
                state, failed = self._try(stack, name, receiver, message, emit)
                if failed:
                    break
        wait = queue.next_due(state, self.clock())
        rest = BUSY if busy else IDLE
        self.every = rest if wait is None else min(rest, max(SHORTEST, wait))

    def _look(self, stack: Stack, receivers: Mapping[str, Receiver]) -> tuple[State, bool]:
        """Queues what is new: (the state, whether there is an operation). Raises EngineError."""
        store, project, now = stack.store, stack.project.name, self.clock()
        journal, holder = observe(store, project)
        stored = [
            *told.of_history(self._entries(stack)),
            *told.of_journal(journal, holder is not None),
            *told.of_autoscaler(autoscaled.read(store, project)),
        ]
        stored.sort(key=lambda message: message.time)
        ids = {message.id for message in stored}
        ejected, base = frozenset(Ejected(store, project).read()), uuid.uuid4().hex
        heard = self._take()
        differences: frozenset[str] = frozenset()

        def by(before: State) -> State:
            nonlocal differences
            if not before.since:
                known = tuple(message.id for message in stored)
                return queue.trimmed(replace(before, since=now, told=known, out=tuple(sorted(ejected))), receivers, now)
            numbers = map(partial(told.identity, base), count())
            out, events = _of_events(heard, frozenset(before.out), numbers)
            for name in sorted((ejected ^ out) & self._differences):
                events.append(told.of_replica(name, name in ejected, "", next(numbers), now))
                out ^= {name}
            differences = ejected ^ out
            after = queue.add(replace(before, out=tuple(sorted(out))), [*stored, *events], receivers, now)
            return queue.trimmed(queue.forgotten(after, ids), receivers, now)

        try:
            state = DOCUMENT.change(store, project, by)
        except BaseException:
            self._give_back(heard)
            raise
        self._differences = differences
        return state, journal is not None

    def _take(self) -> list[tuple[float, Heard]]:
        with self._lock:
            heard = list(self._heard)
            self._heard.clear()
        return heard

    def _give_back(self, heard: Sequence[tuple[float, Heard]]) -> None:
        with self._lock:
            self._heard.extendleft(reversed(heard))

    def _entries(self, stack: Stack) -> list[history.Entry]:
        """The history, decoded when it has changed. Raises EngineError."""
        content = documents.load(stack.store, Kind.HISTORY, stack.project.name)
        if content != self._history[0]:
            self._history = content, history.read(stack)
        return self._history[1]

    def _try(self, stack: Stack, name: str, receiver: Receiver, message: Message, emit: Emit) -> tuple[State, bool]:
        """Sends a message to a target: (the state, whether the next ones must wait). Raises EngineError."""
        error, final = self.send(receiver, message, stack.project.name)
        now, jitter = self.clock(), random.random()  # noqa: S311
        state = DOCUMENT.change(
            stack.store,
            stack.project.name,
            lambda before: queue.settled(before, name, message, error, final, now, jitter),
        )
        if error and error != self._errors.get(name):
            emit(NotificationDelayed(name, error))
        self._errors[name] = error
        return state, bool(error) and not final and message.kind != TEST


def _of_events(
    heard: Sequence[tuple[float, Heard]], before: frozenset[str], ids: Iterator[str]
) -> tuple[frozenset[str], list[Message]]:
    """(who is out then, messages). What was already reported from the stored list is not reported again."""
    out, messages = before, list[Message]()
    for at, event in heard:
        if isinstance(event, ReplicaEjected | ReplicaReturned):
            name = event.replica
            if name not in out:  # if it returns: ejected by an agent that ended before it reported this
                reason = event.reason if isinstance(event, ReplicaEjected) else ""
                messages.append(told.of_replica(name, True, reason, next(ids), at))
                out |= {name}
            if isinstance(event, ReplicaReturned):
                messages.append(told.of_replica(name, False, "", next(ids), at))
                out -= {name}
        elif message := told.of_event(event, next(ids), at):
            messages.append(message)
    return out, messages
