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

from ops.engine.client import Engine
from ops.engine.inspection import log_lines
from ops.errors import UsageError, VideaError
from ops.models import Container
from ops.settings import parse_duration

LEVELS = ("debug", "info", "warning", "error")
PATIENCE = 0.3
"""Seconds that a followed line is kept back, so that one written earlier by another container goes before it."""
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
    """A line. ``time``: seconds since the epoch, as the engine got it."""

    time: float
    container: str
    text: str
    level: str = "info"
    request_id: str = ""


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


def parse(container: str, raw: str) -> LogLine | None:
    """A line as the engine gives it, with its timestamp before it; None for anything else."""
    stamp, _, text = raw.partition(" ")
    try:
        moment = datetime.fromisoformat(stamp[:26].rstrip("Z") + "+00:00").timestamp()
    except ValueError:
        return None
    level, request_id = _meaning(text)
    return LogLine(moment, container, text.rstrip("\r\n"), level, request_id)


def since_when(text: str, now: float) -> float:
    """ "10m" or "2026-01-31T13:00:00" as seconds since the epoch. Raises UsageError."""
    with suppress(ValueError):
        return now - parse_duration(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise UsageError(f"--since: {text!r} is no time", "such as 10m, or 2026-01-31T13:00:00") from error


def read(engine: Engine, containers: Iterable[Container], since: float, tail: int) -> list[LogLine]:
    """What was printed since ``since``, the last ``tail`` lines of each, in order. Raises EngineError."""
    return list(heapq.merge(*(sorted(_lines(engine, one, since, tail)) for one in containers)))


def follow(engine: Engine, find: Callable[[], list[Container]], since: float, tail: int) -> Iterator[LogLine]:
    """The lines as they come, for ever; containers that ``find`` names later join in. Raises EngineError."""
    arrived: queue.SimpleQueue[LogLine] = queue.SimpleQueue()
    known: set[str] = set()
    waiting: list[LogLine] = []
    looked = 0.0
    start = since
    while True:
        if time.monotonic() - looked > LOOK_AGAIN:
            for one in find():
                if one.id not in known and one.state == "running":
                    known.add(one.id)
                    work = (engine, one, start, tail, arrived)
                    threading.Thread(target=_pump, args=work, daemon=True, name=f"log-{one.name}").start()
            looked, start, tail = time.monotonic(), time.time() - LOOK_AGAIN, NO_END
        with suppress(queue.Empty):
            while True:
                heapq.heappush(waiting, arrived.get(timeout=PATIENCE / 3))
        while waiting and waiting[0].time < time.time() - PATIENCE:
            yield heapq.heappop(waiting)


def _pump(engine: Engine, container: Container, since: float, tail: int, arrived: queue.SimpleQueue[LogLine]) -> None:
    """Until the container ends. A call that ends for want of lines is made again from the last line on."""
    last = seen = 0.0
    while True:
        try:
            for raw in log_lines(engine, container.id, since, tail, follow=True):
                line = parse(container.name, raw)
                if line and line.time > seen:
                    last = line.time
                    arrived.put(line)
            return
        except VideaError:
            since, tail, seen = last or since, NO_END, last
            time.sleep(PATIENCE)


def _lines(engine: Engine, container: Container, since: float, tail: int) -> list[LogLine]:
    raw = log_lines(engine, container.id, since, tail, follow=False)
    return [line for each in raw if (line := parse(container.name, each))]


def _meaning(text: str) -> tuple[str, str]:
    """Level and request id of a line, by its JSON or by its words."""
    if text.startswith("{"):
        with suppress(msgspec.MsgspecError):
            fields = msgspec.json.decode(text, type=_Fields)
            level = fields.level if fields.level in LEVELS else "info"
            if not fields.level and fields.status >= _SERVER_ERROR:
                level = "error"
            return level, fields.request_id or ""
    return next((level for level, pattern in _WORDS if pattern.search(text)), "info"), ""
