"""Sends requests on a schedule over a fixed number of keep-alive connections."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass

from bench.loadgen.connection import Connection, Request
from bench.loadgen.tally import OK, Tally

_SWEEP = 0.05
_PAUSE_AFTER_FAILED_CONNECT = 0.01


@dataclass(frozen=True, slots=True)
class Load:
    """The load. `rate`: requests/s, 0 for a closed loop; `timeout`: seconds from the write."""

    host: str
    port: int
    gets: tuple[bytes, ...]
    posts: tuple[bytes, ...]
    post_share: float
    connections: int = 32
    rate: float = 0.0
    timeout: float = 10.0
    retry: bool = False
    seed: int = 1


class Driver:
    """Keeps the schedule, assigns requests to idle connections in turn, and counts their results.

    Open loop (`rate` > 0): request i is due at start + i/rate whether or not a connection is free, and its
    latency counts from then, so the client does not hide a stall of the server by waiting.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._random = random.Random(load.seed)
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._connecting: dict[Connection, asyncio.Task[None]] = {}
        self._number = 0
        self._stopped = False
        self._wakeup: asyncio.TimerHandle | None = None
        self._begin = 0.0
        self._all_ended = asyncio.Event()
        self.first_answer = asyncio.Event()
        self.tally = Tally(time.time())

    async def run(self, stop: asyncio.Event) -> float:
        """Send until `stop` is set, wait for requests in flight, return the seconds from start to `stop`.

        Every request that was sent gets a result. A request that was due but had no free connection before `stop` was
        never sent: it is counted separately, because it means that the rate was not held, not that a request was lost.
        """
        self._begin = self._loop.time()
        self.tally.started = time.time()
        self._idle.extend(Connection(self) for _ in range(self._load.connections))
        sweeper = asyncio.create_task(self._sweep())
        self._dispatch()
        await stop.wait()
        seconds = self._loop.time() - self._begin
        self._stopped = True
        self.tally.not_sent = max(0, int(seconds * self._load.rate) - self._number)
        self._note_end()
        await self._all_ended.wait()
        sweeper.cancel()
        if self._wakeup is not None:
            self._wakeup.cancel()
        for connection in self._idle:
            connection.close()
        return seconds

    def _dispatch(self) -> None:
        now = self._loop.time()
        while self._idle and not self._stopped:
            due = self._begin + self._number / self._load.rate if self._load.rate else now
            if due > now:
                self._wake_at(due)
                return
            self._number += 1
            self._start(self._idle.popleft(), self._next_request(due), now)
        self._note_end()

    def _wake_at(self, due: float) -> None:
        if self._wakeup is None:
            self._wakeup = self._loop.call_at(due, self._woken)

    def _woken(self) -> None:
        self._wakeup = None
        self._dispatch()

    def _next_request(self, due: float) -> Request:
        if self._random.random() < self._load.post_share:
            method, payloads = "POST", self._load.posts
        else:
            method, payloads = "GET", self._load.gets
        self.tally.of(method).sent += 1
        return Request(method, payloads[self._number % len(payloads)], due)

    def _start(self, connection: Connection, request: Request, now: float) -> None:
        if connection.is_open:
            self._busy.add(connection)
            connection.send(request, now)
            return
        request.written = now
        self._connecting[connection] = asyncio.create_task(self._connect_and_send(connection, request))

    async def _connect_and_send(self, connection: Connection, request: Request) -> None:
        try:
            async with asyncio.timeout(self._load.timeout):
                await self._loop.create_connection(lambda: connection, self._load.host, self._load.port)
        except OSError as error:  # TimeoutError is one of them
            del self._connecting[connection]
            kind = "connect_timeout" if isinstance(error, TimeoutError) else "connect_failed"
            self._count(request, kind, type(error).__name__)
            self._loop.call_later(_PAUSE_AFTER_FAILED_CONNECT, self._free, connection)
            return
        del self._connecting[connection]
        self.tally.opened += 1
        if connection.is_open:
            self._busy.add(connection)
            connection.send(request, self._loop.time())
        else:
            self._count(request, "cut_before_answer", "closed on accept")
            self._free(connection)

    def ended(self, connection: Connection, request: Request, kind: str, detail: str) -> None:
        """Called by a connection when its request has a result."""
        self._busy.discard(connection)
        may_retry = self._load.retry and request.method == "GET" and request.reused and not request.retried
        if may_retry and kind == "cut_before_answer":
            request.retried = True
            self.tally.of(request.method).retried += 1
            self._start(connection, request, self._loop.time())
            return
        self._count(request, kind, detail)
        if connection.closed_by_answer:
            self.tally.closed_by_answer += 1
        self._free(connection)

    def _free(self, connection: Connection) -> None:
        self._idle.append(connection)
        self._dispatch()

    def closed_idle(self, connection: Connection) -> None:
        """Called by a connection that the server closed between requests; it is reopened when needed."""
        self.tally.closed_idle += 1

    def _count(self, request: Request, kind: str, detail: str = "") -> None:
        now = self._loop.time()
        since_start, latency = now - self._begin, now - request.due
        if kind == OK:
            self.first_answer.set()
            self.tally.succeed(request.method, since_start, latency, now - request.written)
        else:
            self.tally.fail(request.method, kind, since_start, latency, reused=request.reused, detail=detail)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            oldest = self._loop.time() - self._load.timeout
            for connection in list(self._busy):
                if connection.request is not None and connection.request.written < oldest:
                    connection.give_up("timeout")

    def _note_end(self) -> None:
        if self._stopped and not self._busy and not self._connecting:
            self._all_ended.set()
