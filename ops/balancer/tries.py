"""The answers of each replica, from nginx's log as it is written; they are the basis for judging a canary."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ops.balancer.access_log import NO_ANSWER, SEPARATOR, SERVER_ERROR, Line, Lines, gap, parse
from ops.balancer.recent import PROCESS_IDS
from ops.balancer.tally import Latencies, Mix, Routes
from ops.errors import EngineError
from ops.platform.ports import Gateway, Stream

CLIENT_LEFT = 499
"""nginx's status if the client closes the connection before the answer: not a failure, but its waiting time counts."""

OK = 200

NOT_MODIFIED = 304
"""Not a redirect: the client already has the answer, so it counts as a success without a body."""

REOPEN = 0.5
"""Seconds until the log is reopened after it ended."""


@dataclass(frozen=True, slots=True)
class Try:
    """One request to one replica. ``status``: 0 without an answer; ``seconds``: until its first byte, None if none.

    ``begun``: Unix time; ``body``: bytes of the answer's body, None if it is not logged or not expected.
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
    """When a replica is warm: ``seconds`` after its first request or, if None, according to its latencies.

    It is then warm after ``settled`` requests in a row within ``limit`` seconds, and at the latest after ``longest``
    requests. Until then, only slower requests are excluded, so a replica that is fast from the start is judged by all
    of its requests.
    """

    seconds: float | None = None
    limit: float = 0.5
    settled: int = 10
    longest: int = 100


@dataclass
class Warming:
    """The progress of a replica's warm-up. All times are starts of requests, because nginx logs slow requests later.

    Unix times: ``first`` request; ``run``, the first of ``in_a_row`` fast answers; ``warm``, since when it is warm.
    """

    first: float | None = None
    requests: int = 0
    in_a_row: int = 0
    run: float = 0.0
    warm: float | None = None

    def is_cold(self, request: Try, warmup: Warmup) -> bool:
        """Counts a request. Returns whether its latency is excluded because the replica is not warm."""
        self.first = request.begun if self.first is None else min(self.first, request.begun)
        self.requests += 1
        if warmup.seconds is not None:
            self.warm = self.first + warmup.seconds
            return request.begun < self.warm
        if request.seconds is not None and request.seconds <= warmup.limit:
            self.run = request.begun if not self.in_a_row else min(self.run, request.begun)
            self.in_a_row += 1
            self._settle(self.run, self.in_a_row >= warmup.settled)
            return False
        if request.begun >= self.run:
            self.in_a_row = 0
        self._settle(request.begun, self.requests >= warmup.longest)
        return self.warm is None or request.begun < self.warm

    def _settle(self, since: float, settled: bool) -> None:
        if settled and self.warm is None:
            self.warm = since


@dataclass
class Tally:
    """The requests to some replicas. ``warm``, ``cold``: latencies after and during the warm-up; ``routes``: see Mix.

    ``failed``: requests with a status of 500 or above, or without an answer.
    """

    failed: int = 0
    unanswered: int = 0
    warm: Latencies = field(default_factory=Latencies)
    cold: Latencies = field(default_factory=Latencies)
    routes: dict[str, Mix] = field(default_factory=dict)

    def add(self, request: Try, route: str, cold: bool) -> None:
        """Counts a request."""
        bad = request.status >= SERVER_ERROR or request.status == NO_ANSWER
        self.failed += bad
        if request.seconds is None:
            self.unanswered += 1
        else:
            (self.cold if cold else self.warm).add(request.seconds)
        if request.status == CLIENT_LEFT:
            return
        mix = self.routes.setdefault(route, Mix())
        kind = 5 if bad else 2 if request.status == NOT_MODIFIED else request.status // 100
        mix.classes[kind] += 1
        if request.body is not None and kind == 2 and request.status != NOT_MODIFIED:
            mix.bodies += 1
            mix.empty += request.body == 0

    def merge(self, other: Tally) -> None:
        """Adds the counts of ``other``."""
        self.failed, self.unanswered = self.failed + other.failed, self.unanswered + other.unanswered
        self.warm.merge(other.warm)
        self.cold.merge(other.cold)
        for route, mix in other.routes.items():
            self.routes.setdefault(route, Mix()).merge(mix)


class Tallies:
    """Tallies of many requests, by address: memory and reading time do not grow with the number of requests.

    ``warming``: the warm-up of each address, which the caller passes from one log to the next.
    """

    def __init__(self, warmup: Warmup | None = None, warming: dict[str, Warming] | None = None) -> None:
        self._warmup = warmup or Warmup()
        self._warming = warming if warming is not None else {}
        self._lock = threading.Lock()
        self._routes = Routes()
        self._tallies: dict[str, Tally] = {}
        self._latest = 0.0

    def add(self, request: Try) -> None:
        """Counts a request."""
        address = request.address.rpartition(":")[0]
        with self._lock:
            self._latest = max(self._latest, request.begun + (request.seconds or 0.0))
            cold = self._warming.setdefault(address, Warming()).is_cold(request, self._warmup)
            route = self._routes.name(request.method, request.path)
            self._tallies.setdefault(address, Tally()).add(request, route, cold)

    def clear(self) -> None:
        """Discards all counts."""
        with self._lock:
            self._tallies = {}

    def of(self, addresses: Collection[str]) -> Tally:
        """The sum for the replicas at these addresses."""
        merged = Tally()
        with self._lock:
            for address in addresses:
                if address in self._tallies:
                    merged.merge(self._tallies[address])
        return merged

    def waits(self, address: str, waiting: Sequence[float]) -> list[float]:
        """The waiting times that count: of requests that started when the replica was already warm.

        ``waiting``: waiting times, in seconds, of the requests without an answer so far, which nginx has not logged.
        """
        with self._lock:
            warming = self._warming.get(address, Warming())
            if warming.warm is None:
                return list(waiting) if warming.requests + len(waiting) >= self._warmup.longest else []
            return [seconds for seconds in waiting if self._latest - seconds >= warming.warm]


class TryLog:
    """Counts every try from ``start`` on. ``breaks``: number of gaps in the log since ``restart``."""

    def __init__(self, gateway: Gateway, tallies: Tallies) -> None:
        self._gateway = gateway
        self.tallies = tallies
        self._ended = threading.Event()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._follow, name="videa-tries", daemon=True)
        self.breaks = 0

    def start(self) -> None:
        """Starts counting."""
        self._open()
        self._thread.start()

    def stop(self) -> None:
        """Stops counting."""
        self._ended.set()
        if self._stream:
            self._stream.close()
        self._thread.join(1)

    def restart(self) -> None:
        """Discards all counts, because of a gap in the log."""
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
                        line = parse(text)
                        if line is not None:
                            for request in tries_of(line):
                                self.tallies.add(request)
                        else:
                            self.breaks += bool(gap(text))
                self.breaks += not self._ended.is_set()
            if self._ended.wait(REOPEN):
                return
            self._open()


def tries_of(line: Line) -> Iterator[Try]:
    """The tries of one request; none for testers, who may provoke errors, and for this process's own probes.

    Probes would dilute the error rate of real requests.

    nginx logs one value per replica that it tried, with "-" for the time of a replica that could not be reached.
    """
    if not line.upstream or line.tester or line.request_id.startswith(PROCESS_IDS):
        return
    addresses = line.tried
    statuses = SEPARATOR.split(line.upstream_status)
    times = SEPARATOR.split(line.upstream_first or line.upstream_seconds)
    begun = line.time - line.seconds
    for number, address in enumerate(addresses):
        text = statuses[number] if number < len(statuses) else ""
        status = int(text) if text.isdecimal() else NO_ANSWER
        time = times[number] if number < len(times) else "-"
        seconds = float(time) if status and time not in ("-", "") else None
        last = number == len(addresses) - 1
        if last and line.status in (NO_ANSWER, CLIENT_LEFT):
            status, seconds = line.status, line.seconds if line.status else None
        elif last and status == OK and line.status >= SERVER_ERROR:  # a gRPC call that failed according to its trailers
            status = line.status
        body = line.body if last and line.method != "HEAD" else None
        yield Try(address, status, seconds, begun, line.method, line.path, body)
