"""The logs of several containers, merged by time."""

from __future__ import annotations

import heapq
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime

import msgspec
from msgspec import Struct

from ops.errors import UsageError, VideaError
from ops.models import Container
from ops.platform.ports import Platform
from ops.project.units import DURATION, parse_duration

LEVELS = ("debug", "info", "warning", "error")
DELAY = 0.4
"""Seconds by which a followed line is delayed, so that an earlier line of another container can precede it.

The backend writes its lines every 0.05 s, nginx every 0.15 s.
"""
CLOCK_TOLERANCE = 5.0
"""Seconds by which a line's own time may differ from the engine's; if it differs more, its clock is wrong."""
REFRESH = 2.0
"""Seconds between checks for new containers, for example after ``videa scale``."""
NO_END = 100_000
"""Maximum number of lines to read after a pause."""

_WORDS = (
    ("error", re.compile(r"\[(?:error|crit|alert|emerg)\]|\b(?:ERROR|FATAL|PANIC|CRITICAL)\b")),
    ("warning", re.compile(r"\[warn\]|\bWARN(?:ING)?\b")),
)
_SERVER_ERROR = 500


class LogLine(Struct, frozen=True, order=True):
    """A line. ``time``: Unix time from the line itself, otherwise ``arrived``: when the engine received it.

    With ``time``, the lines of a service that writes its log in batches are also in the right order.
    """

    time: float
    container: str
    text: str
    level: str = "info"
    request_id: str = ""
    arrived: float = 0.0


class Wanted(Struct, frozen=True):
    """Selects lines with ``level`` or higher, and with ``request_id`` if there is one."""

    level: str = "debug"
    request_id: str = ""

    def __call__(self, line: LogLine) -> bool:
        severe_enough = LEVELS.index(line.level) >= LEVELS.index(self.level)
        return severe_enough and (not self.request_id or self.request_id in line.text)


class _Fields(Struct):
    """The common fields of the JSON lines of the backend and of nginx."""

    level: str = ""
    request_id: str | None = None
    status: int = 0
    ts: str = ""
    time: float = 0.0


_DECODER = msgspec.json.Decoder(_Fields)


def parse(container: str, raw: str) -> LogLine | None:
    """Parses a line of the engine, which starts with a timestamp; None for anything else."""
    stamp, _, text = raw.partition(" ")
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    arrived = moment.timestamp()
    level, request_id, own_time = _meaning(text)
    line_time = own_time if abs(own_time - arrived) < CLOCK_TOLERANCE else arrived
    return LogLine(line_time, container, text.rstrip("\r\n"), level, request_id, arrived)


def since_when(text: str, now: float) -> float:
    """ "10m" or "2026-01-31T13:00:00" as seconds since the epoch. Raises UsageError."""
    hint = "use 10m or 2026-01-31T13:00:00"
    if DURATION.fullmatch(text):
        try:
            return max(0.0, now - parse_duration(text))
        except ValueError as error:
            raise UsageError(f"--since: {error}", hint) from error
    try:
        moment = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since: {text!r} is not a time", hint) from error
    if moment < 0:
        raise UsageError(f"--since: {text!r} is before 1970", hint)
    return moment


def read(platform: Platform, containers: Iterable[Container], since: float, tail: int) -> list[LogLine]:
    """The lines after ``since``, at most the last ``tail`` of each container, merged. Raises EngineError."""
    return list(heapq.merge(*(sorted(_lines(platform, container, since, tail)) for container in containers)))


def follow(platform: Platform, find: Callable[[], list[Container]], since: float, tail: int) -> Iterator[LogLine]:
    """Yields lines as they arrive, endlessly, also for containers that ``find`` returns later. Raises EngineError."""
    arrived: queue.SimpleQueue[LogLine] = queue.SimpleQueue()
    pumps: dict[str, threading.Thread] = {}
    last_seen: dict[str, float] = {}
    pending: list[LogLine] = []
    last_look = 0.0
    start = since
    while True:
        if time.monotonic() - last_look > REFRESH:
            for container in find():
                if container.state == "running" and not (container.id in pumps and pumps[container.id].is_alive()):
                    work = (platform, container, start, tail, arrived, last_seen)
                    pumps[container.id] = threading.Thread(
                        target=_pump, args=work, daemon=True, name=f"log-{container.name}"
                    )
                    pumps[container.id].start()
            last_look, start, tail = time.monotonic(), time.time() - REFRESH, NO_END
        until = time.monotonic() + DELAY / 4
        # Limited by time instead of until the queue is empty: under load, it is never empty.
        with suppress(queue.Empty):
            while (left := until - time.monotonic()) > 0:
                heapq.heappush(pending, arrived.get(timeout=left))
        while pending and pending[0].time < time.time() - DELAY:
            yield heapq.heappop(pending)


def _pump(
    platform: Platform,
    container: Container,
    since: float,
    tail: int,
    arrived: queue.SimpleQueue[LogLine],
    last_seen: dict[str, float],
) -> None:
    """Runs until the container exits. A call that times out without lines is repeated from the last line.

    ``last_seen``: container -> when its last line arrived; a restarted container continues from there.
    """
    while True:
        last_time = last_seen.get(container.id, 0.0)
        try:
            for raw in platform.log_lines(container.id, last_time or since, NO_END if last_time else tail, follow=True):
                line = parse(container.name, raw)
                if line and line.arrived > last_time:
                    last_seen[container.id] = line.arrived
                    arrived.put(line)
            return
        except VideaError:
            time.sleep(DELAY)


def _lines(platform: Platform, container: Container, since: float, tail: int) -> list[LogLine]:
    raw_lines = platform.log_lines(container.id, since, tail, follow=False)
    return [line for raw in raw_lines if (line := parse(container.name, raw))]


def _meaning(text: str) -> tuple[str, str, float]:
    """Level, request id and time (0 if unknown) of a line, from its JSON or its text."""
    if text.startswith("{"):
        with suppress(msgspec.MsgspecError):
            fields = _DECODER.decode(text)
            level = fields.level if fields.level in LEVELS else "info"
            if not fields.level and fields.status >= _SERVER_ERROR:
                level = "error"
            return level, fields.request_id or "", _own_time(fields)
    return next((level for level, pattern in _WORDS if pattern.search(text)), "info"), "", 0.0


def _own_time(fields: _Fields) -> float:
    try:
        return datetime.fromisoformat(fields.ts).timestamp() if fields.ts else fields.time
    except (ValueError, OverflowError):
        return 0.0
