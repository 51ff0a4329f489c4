"""The data of the page, read from the engine with the functions of the commands. All methods block."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import cached_property
from threading import Lock

from ops.autoscale.view import Recorded, recorded
from ops.doctor import diagnose
from ops.doctor.answer import Answer, answer
from ops.errors import UsageError, VideaError
from ops.rollout.entries import JournalState
from ops.rollout.event_stream import EventStream
from ops.rollout.follow import Happened
from ops.rollout.history import Entry
from ops.stack import Stack
from ops.views import logs
from ops.views.board import Board, read_board

FRESH = 60.0
"""Seconds after which the Compose project is read again: its file or .env may have changed."""

EVENTS = 200
"""Number of events that are kept."""

MOST_LINES, LONGEST_LINE = 400, 2000
"""Number of log lines that are shown, and of characters of a line."""

READ_LINES = 4000
"""Number of log lines that are read for this, for all containers together."""


class Source:
    """A project. ``open_stack``: reads the project again; raises ConfigError, EngineError."""

    def __init__(self, open_stack: Callable[[], Stack]) -> None:
        self._open = open_stack
        self._lock = Lock()
        self._opened: tuple[float, list[Stack]] | None = None
        self._outdated = False
        self._looking = Lock()
        self.happened: deque[Happened] = deque(maxlen=EVENTS)
        self.known = 0
        """Total number of events so far."""

    def stack(self) -> Stack:
        """The stack of the default service. Raises like ``open_stack``."""
        return self._stacks()[0]

    def renew(self) -> None:
        """Reads the project again at the next call, because an operation has ended or nginx has another container."""
        self._outdated = True

    def latest(self) -> Stack:
        """The stack as last read, without the engine. Only the first call may raise like ``open_stack``."""
        return self._latest()[0]

    def board(self) -> Board:
        """One sample. Raises EngineError, ConfigError."""
        board = read_board(self._stacks())
        if any(service.status.balancer != "running" for service in board.services):
            self.renew()
        return board

    @cached_property
    def _stream(self) -> EventStream:
        return EventStream(self.stack())

    def look(self) -> None:
        """Adds new events to ``happened``. Raises EngineError."""
        with self._looking:
            ended = len(self._stream.entries)
            new = self._stream.look()
            self.happened.extend(new)
            self.known += len(new)
            if len(self._stream.entries) != ended:
                self.renew()

    @property
    def operation(self) -> tuple[JournalState | None, bool]:
        """The operation that has not ended, as of the last ``look``, and whether a process runs it."""
        return self._stream.state, self._stream.holder is not None

    @property
    def entries(self) -> list[Entry]:
        """The history, oldest entry first."""
        return self._stream.entries

    def doctor(self) -> Answer:
        """Runs all checks. Errors of the engine are not raised."""
        stack = self.stack()
        return answer(diagnose(stack.project, lambda: stack))

    @property
    def autoscaled(self) -> list[str]:
        """The services with x-videa.autoscale."""
        settings = (stack.project.settings for stack in self._latest())
        return [each.service for each in settings if each.autoscale.enabled]

    def autoscale(self) -> list[Recorded]:
        """The state that the autoscaler has stored for these services. Raises EngineError."""
        names = self.autoscaled
        return recorded(self.stack(), names) if names else []

    def services(self) -> list[str]:
        """All services of the Compose file, those that videa scales first."""
        project = self.latest().project
        scaled = list(project.services)
        return [*scaled, *sorted(set(project.model["services"]) - set(scaled))]

    def logs(self, service: str, level: str, text: str) -> list[logs.LogLine]:
        """The last matching log lines of a service, newest last. Raises UsageError, EngineError."""
        if service not in self.services() or level not in logs.LEVELS:
            raise UsageError(f"no service {service!r} or no level {level!r}", f"services: {', '.join(self.services())}")
        stack, wanted = self.stack(), logs.Wanted(level)
        containers = [container for container in stack.containers() if container.service == service]
        tail = max(20, READ_LINES // max(1, len(containers)))
        lines = logs.read(stack.platform, containers, 0.0, tail)
        found = [line for line in lines if wanted(line) and text.lower() in line.text.lower()]
        return found[-MOST_LINES:]

    def _latest(self) -> list[Stack]:
        opened = self._opened
        return opened[1] if opened else self._stacks()

    def _stacks(self) -> list[Stack]:
        with self._lock:
            if self._opened is None or self._outdated or time.monotonic() - self._opened[0] > FRESH:
                self._outdated = False
                try:
                    stack = self._open()
                    own = stack.project.settings.service
                    others = [stack.of(name) for name in stack.project.services if name != own]
                except VideaError:
                    self._outdated = True
                    raise
                self._opened = time.monotonic(), [stack, *others]
            return self._opened[1]
