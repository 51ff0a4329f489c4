"""The logs of several containers as one, in the order of time."""

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
from ops.project.settings import parse_duration

LEVELS = ("debug", "info", "warning", "error")
PATIENCE = 0.4
"""Seconds that a followed line is kept back, so that one written earlier by another container goes before it.

The backend writes its lines every 0.2 s, nginx every 0.1 s.
"""
BELIEVED = 5.0
"""Seconds that a line's own time may be away from the engine's; beyond that the clock there is wrong."""
LOOK_AGAIN = 2.0
"""Seconds between looks for containers that have come, as after ``videa scale``."""
NO_END = 100_000
"""Lines that are caught up with after a pause."""

_WORDS = (
    ("error", re.compile(r"\[(?:error|crit|alert|emerg)\]|\b(?:ERROR|FATAL|PANIC|CRITICAL)\b")),
    ("warning", re.compile(r"\[warn\]|\bWARN(?:ING)?\b")),
)
_SERVER_ERROR = 500


class LogLine(Struct, frozen=True, order=True):
    """A line. ``time``: seconds since the epoch by the line's own words, else ``arrived``: when the engine got it.

    What writes its log in batches is put among the others' lines by the first.
    """

    time: float
    container: str
    text: str
    level: str = "info"
    request_id: str = ""
    arrived: float = 0.0


class Wanted(Struct, frozen=True):
    """Which lines to show: of ``level`` or graver, with ``request_id`` if one is given."""

    level: str = "debug"
    request_id: str = ""

    def __call__(self, line: LogLine) -> bool:
        grave_enough = LEVELS.index(line.level) >= LEVELS.index(self.level)
        return grave_enough and (not self.request_id or self.request_id in line.text)


class _Fields(Struct):
    """What the JSON lines of the backend and of nginx have in common."""

    level: str = ""
    request_id: str | None = None
    status: int = 0
    ts: str = ""
    time: float = 0.0


def parse(container: str, raw: str) -> LogLine | None:
    """A line as the engine gives it, with its timestamp before it; None for anything else."""
    stamp, _, text = raw.partition(" ")
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    arrived = moment.timestamp()
    level, request_id, told = _meaning(text)
    believed = told if abs(told - arrived) < BELIEVED else arrived
    return LogLine(believed, container, text.rstrip("\r\n"), level, request_id, arrived)


def since_when(text: str, now: float) -> float:
    """ "10m" or "2026-01-31T13:00:00" as seconds since the epoch. Raises UsageError."""
    with suppress(ValueError):
        return now - parse_duration(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise UsageError(f"--since: {text!r} is no time", "such as 10m, or 2026-01-31T13:00:00") from error


def read(platform: Platform, containers: Iterable[Container], since: float, tail: int) -> list[LogLine]:
    """What was printed since ``since``, the last ``tail`` lines of each, in order. Raises EngineError."""
    return list(heapq.merge(*(sorted(_lines(platform, one, since, tail)) for one in containers)))


def follow(platform: Platform, find: Callable[[], list[Container]], since: float, tail: int) -> Iterator[LogLine]:
    """The lines as they come, for ever; containers that ``find`` names later join in. Raises EngineError."""
    arrived: queue.SimpleQueue[LogLine] = queue.SimpleQueue()
    pumps: dict[str, threading.Thread] = {}
    told: dict[str, float] = {}
    waiting: list[LogLine] = []
    looked = 0.0
    start = since
    while True:
        if time.monotonic() - looked > LOOK_AGAIN:
            for one in find():
                if one.state == "running" and not (one.id in pumps and pumps[one.id].is_alive()):
                    work = (platform, one, start, tail, arrived, told)
                    pumps[one.id] = threading.Thread(target=_pump, args=work, daemon=True, name=f"log-{one.name}")
                    pumps[one.id].start()
            looked, start, tail = time.monotonic(), time.time() - LOOK_AGAIN, NO_END
        until = time.monotonic() + PATIENCE / 4
        # Not until none is there: under load that moment never comes.
        with suppress(queue.Empty):
            while (left := until - time.monotonic()) > 0:
                heapq.heappush(waiting, arrived.get(timeout=left))
        while waiting and waiting[0].time < time.time() - PATIENCE:
            yield heapq.heappop(waiting)


def _pump(
    platform: Platform,
    container: Container,
    since: float,
    tail: int,
    arrived: queue.SimpleQueue[LogLine],
    told: dict[str, float],
) -> None:
    """Until the container ends. A call that ends for want of lines is made again from the last line on.

    ``told``: container -> when its last line arrived; one that is started again goes on from there.
    """
    while True:
        seen = told.get(container.id, 0.0)
        try:
            for raw in platform.log_lines(container.id, seen or since, NO_END if seen else tail, follow=True):
                line = parse(container.name, raw)
                if line and line.arrived > seen:
                    told[container.id] = line.arrived
                    arrived.put(line)
            return
        except VideaError:
            time.sleep(PATIENCE)


def _lines(platform: Platform, container: Container, since: float, tail: int) -> list[LogLine]:
    raw = platform.log_lines(container.id, since, tail, follow=False)
    return [line for each in raw if (line := parse(container.name, each))]


def _meaning(text: str) -> tuple[str, str, float]:
    """Level, request id and time (0 without one) of a line, by its JSON or by its words."""
    if text.startswith("{"):
        with suppress(msgspec.MsgspecError):
            fields = msgspec.json.decode(text, type=_Fields)
            level = fields.level if fields.level in LEVELS else "info"
            if not fields.level and fields.status >= _SERVER_ERROR:
                level = "error"
            return level, fields.request_id or "", _own_time(fields)
    return next((level for level, pattern in _WORDS if pattern.search(text)), "info"), "", 0.0


def _own_time(fields: _Fields) -> float:
    try:
        return datetime.fromisoformat(fields.ts).timestamp() if fields.ts else fields.time
    except ValueError:
        return 0.0
