"""Which replica answered what, from nginx's log while it is written: what a canary is judged by."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ops.balancer.access_log import BETWEEN, NO_ANSWER, SERVER_ERROR, Line, Lines, parse
from ops.balancer.tally import Latencies, Mix, Routes
from ops.errors import EngineError
from ops.platform.ports import Gateway, Stream

CLIENT_LEFT = 499
"""nginx's status for a client that went away before the answer: no failure, but a wait that counts."""

NOT_MODIFIED = 304
"""Not a redirect: the client has the right answer already, so it counts as a success that needs no body."""

REOPEN = 0.5
"""Seconds until the log is opened again after it ended."""

_PROBE = re.compile(r"videa-[0-9a-f]{12}-")


@dataclass(frozen=True, slots=True)
class Try:
    """One request at one replica. ``status``: 0 without an answer; ``seconds``: until it began, None without one.

    ``begun``: Unix time; ``body``: bytes of the answer's body, None when the log does not tell or none is expected.
    """

    address: str
    status: int
    seconds: float | None
    begun: float = 0.0
    method: str = ""
    path: str = ""
    body: int | None = None


@dataclass(frozen=True, slots=True)
class Warmup:
    """When a replica has warmed up: ``seconds`` after its first request or, where that is None, by its own trend.

    The trend: ``settled`` requests in a row within ``limit`` seconds, at the latest after ``longest`` requests; until
    then those that took longer are set aside, so that one that is quick at once is judged by all of its requests.
    """

    seconds: float | None = None
    limit: float = 0.5
    settled: int = 10
    longest: int = 100


@dataclass
class Warming:
    """How far a replica has warmed up. Times are nginx's, as requests began: it logs those last that took longest.

    ``first``: of its first request; ``run``: of the first of ``in_a_row`` quick answers; ``warm``: since then it is.
    """

    first: float | None = None
    requests: int = 0
    in_a_row: int = 0
    run: float = 0.0
    warm: float | None = None

    def is_cold(self, each: Try, warmup: Warmup) -> bool:
        """Counts a request, and tells whether its time is set aside because the replica has not warmed up."""
        self.first = each.begun if self.first is None else min(self.first, each.begun)
        self.requests += 1
        if warmup.seconds is not None:
            self.warm = self.first + warmup.seconds
            return each.begun < self.warm
        if each.seconds is not None and each.seconds <= warmup.limit:
            self.run = each.begun if not self.in_a_row else min(self.run, each.begun)
            self.in_a_row += 1
            self._settle(self.run, self.in_a_row >= warmup.settled)
            return False
        if each.begun >= self.run:
            self.in_a_row = 0
        self._settle(each.begun, self.requests >= warmup.longest)
        return self.warm is None or each.begun < self.warm

    def _settle(self, since: float, settled: bool) -> None:
        if settled and self.warm is None:
            self.warm = since


@dataclass
class Tally:
    """What was asked of some replicas. ``cold``: times from before they had warmed up; ``routes``: see Mix.

    ``failed``: statuses of 500 and above, and no answer.
    """

    failed: int = 0
    unanswered: int = 0
    warm: Latencies = field(default_factory=Latencies)
    cold: Latencies = field(default_factory=Latencies)
    routes: dict[str, Mix] = field(default_factory=dict)

    def add(self, each: Try, route: str, cold: bool) -> None:
        """Counts a request."""
        bad = each.status >= SERVER_ERROR or each.status == NO_ANSWER
        self.failed += bad
        if each.seconds is None:
            self.unanswered += 1
        else:
            (self.cold if cold else self.warm).add(each.seconds)
        if each.status == CLIENT_LEFT:
            return
        mix = self.routes.setdefault(route, Mix())
        kind = 5 if bad else 2 if each.status == NOT_MODIFIED else each.status // 100
        mix.classes[kind] += 1
        if each.body is not None and kind == 2 and each.status != NOT_MODIFIED:
            mix.bodies += 1
            mix.empty += each.body == 0

    def merge(self, other: Tally) -> None:
        """Counts all that the other has counted."""
        self.failed, self.unanswered = self.failed + other.failed, self.unanswered + other.unanswered
        self.warm.merge(other.warm)
        self.cold.merge(other.cold)
        for route, mix in other.routes.items():
            self.routes.setdefault(route, Mix()).merge(mix)


class Tallies:
    """Tallies of many requests, by address: memory and the cost of a look do not grow with their number.

    ``warming``: how far each address has warmed up, kept by the caller from one log to the next.
    """

    def __init__(self, warmup: Warmup | None = None, warming: dict[str, Warming] | None = None) -> None:
        self._warmup = warmup or Warmup()
        self._warming = warming if warming is not None else {}
        self._lock = threading.Lock()
        self._routes = Routes()
        self._tallies: dict[str, Tally] = {}
        self._latest = 0.0

    def add(self, each: Try) -> None:
        """Counts a request."""
        address = each.address.rpartition(":")[0]
        with self._lock:
            self._latest = max(self._latest, each.begun + (each.seconds or 0.0))
            cold = self._warming.setdefault(address, Warming()).is_cold(each, self._warmup)
            route = self._routes.name(each.method, each.path)
            self._tallies.setdefault(address, Tally()).add(each, route, cold)

    def clear(self) -> None:
        """Forgets what was counted."""
        with self._lock:
            self._tallies = {}

    def of(self, addresses: Collection[str]) -> Tally:
        """What was asked of the replicas at these addresses, together."""
        merged = Tally()
        with self._lock:
            for address in addresses:
                if address in self._tallies:
                    merged.merge(self._tallies[address])
        return merged

    def waits(self, address: str, waiting: Sequence[float]) -> list[float]:
        """Those of the requests that a replica has not answered yet that count: it had warmed up when they began.

        ``waiting``: how long each has been waiting, seconds. nginx logs none of them yet.
        """
        with self._lock:
            found = self._warming.get(address, Warming())
            if found.warm is None:
                return list(waiting) if found.requests + len(waiting) >= self._warmup.longest else []
            return [seconds for seconds in waiting if self._latest - seconds >= found.warm]


class TryLog:
    """Counts every try from ``start`` on. ``breaks``: how often the log could not be read since ``restart``."""

    def __init__(self, gateway: Gateway, tallies: Tallies) -> None:
        self._gateway = gateway
        self.tallies = tallies
        self._ended = threading.Event()
        self._stream: Stream | None = None
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
        """Forgets what was counted, because it has a gap."""
        self.tallies.clear()
        self.breaks = 0

    def _open(self) -> None:
        try:
            self._stream = self._gateway.follow_log()
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
                            for each in tries_of(found):
                                self.tallies.add(each)
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
    begun = line.time - line.seconds
    for number, address in enumerate(addresses):
        text = statuses[number] if number < len(statuses) else ""
        status = int(text) if text.isdecimal() else NO_ANSWER
        time = times[number] if number < len(times) else "-"
        seconds = float(time) if status and time not in ("-", "") else None
        last = number == len(addresses) - 1
        if last and line.status in (NO_ANSWER, CLIENT_LEFT):
            status, seconds = line.status, line.seconds if line.status else None
        body = line.body if last and line.method != "HEAD" else None
        yield Try(address, status, seconds, begun, line.method, line.path, body)
