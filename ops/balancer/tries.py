"""Which replica answered what, from nginx's log while it is written: what a canary is judged by."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from ops.balancer.access_log import BETWEEN, NO_ANSWER, Line, Lines, parse
from ops.engine.client import Engine
from ops.engine.logs import Stdout
from ops.errors import EngineError

CLIENT_LEFT = 499
"""nginx's status for a client that went away before the answer: no failure, but a wait that counts."""

REOPEN = 0.5
"""Seconds until the log is opened again after it ended."""

_PROBE = re.compile(r"videa-[0-9a-f]{12}-")


@dataclass(frozen=True, slots=True)
class Try:
    """One request at one replica. ``status``: 0 without an answer; ``seconds``: until it began, None without one."""

    address: str
    status: int
    seconds: float | None


class TryLog:
    """Collects every try from ``start`` on. ``breaks``: how often the log could not be read since ``restart``."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine, self._container = engine, container
        self._tries: list[Try] = []
        self._ended = threading.Event()
        self._stream: Stdout | None = None
        self._thread = threading.Thread(target=self._follow, name="videa-tries", daemon=True)
        self.breaks = 0

    def start(self) -> None:
        """Begins to collect."""
        self._open()
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._ended.set()
        if self._stream:
            self._stream.close()
        self._thread.join(1)

    def restart(self) -> None:
        """Forgets what was collected, because it has a gap."""
        self._tries, self.breaks = [], 0

    def tries(self) -> list[Try]:
        """What was collected so far."""
        return self._tries[:]

    def _open(self) -> None:
        try:
            self._stream = Stdout(self._engine, self._container)
        except EngineError:
            self._stream, self.breaks = None, self.breaks + 1

    def _follow(self) -> None:
        while not self._ended.is_set():
            if self._stream:
                lines = Lines()
                for chunk in self._stream:
                    for text in lines.feed(chunk):
                        found = parse(text)
                        if found is not None:
                            self._tries.extend(tries_of(found))
                self.breaks += not self._ended.is_set()
            if self._ended.wait(REOPEN):
                return
            self._open()


def tries_of(line: Line) -> Iterator[Try]:
    """The tries of one request, none for videa's own probes: they would hide the errors of real requests.

    nginx writes one value per replica that it asked, with "-" for the time of one that could not be reached.
    """
    if not line.upstream or _PROBE.match(line.request_id):
        return
    addresses = line.tried
    statuses = BETWEEN.split(line.upstream_status)
    times = BETWEEN.split(line.upstream_first or line.upstream_seconds)
    for number, address in enumerate(addresses):
        text = statuses[number] if number < len(statuses) else ""
        status = int(text) if text.isdecimal() else NO_ANSWER
        time = times[number] if number < len(times) else "-"
        seconds = float(time) if status and time not in ("-", "") else None
        if number == len(addresses) - 1 and line.status in (NO_ANSWER, CLIENT_LEFT):
            status, seconds = line.status, line.seconds if line.status else None
        yield Try(address, status, seconds)
