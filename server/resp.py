"""The hot path to Redis: all commands of one iteration of the event loop are sent in one write.

redis-py opens the connection (addresses, TLS, ACL). Its streams cost several times as much per command as aiohttp needs
for a request, so after connecting this protocol takes over the transport, with hiredis to pack and parse.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis

Argument = bytes | str | int | float
# Called with the answer: a value, or an exception (ReplyError from Redis, ConnectionError if the connection is lost).
Receiver = Callable[[Any], None]
ReplyError = hiredis.ReplyError


class Pipeline(asyncio.Protocol):
    """One connection. timeout: seconds without an answer before it is closed; lost: called once with the reason."""

    def __init__(self, writer: asyncio.StreamWriter, timeout: float, lost: Callable[[Pipeline, str], None]) -> None:
        # Referenced although only its transport is used: a garbage-collected stream writer closes the connection.
        self._writer = writer
        self._transport = writer.transport
        self._timeout = timeout
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._out: list[bytes] = []
        self._waiting: deque[Receiver] = deque()
        self._progress = 0.0
        self._watched = self._loop.time()
        self._reason = ""
        self.closed = False
        self.commands = 0
        self.writes = 0
        self._transport.set_protocol(self)
        self._watch = self._loop.call_later(timeout / 2, self._check_progress)

    def post(self, command: tuple[Argument, ...], receiver: Receiver) -> None:
        """Queue one command for the write of this iteration."""
        if self.closed:
            receiver(ConnectionError(self._reason))
            return
        if not self._waiting:
            self._progress = self._loop.time()
        if not self._out:
            self._loop.call_soon(self._write)
        self._out.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        self._waiting.append(receiver)

    def ask(self, *command: Argument) -> asyncio.Future[Any]:
        """Queue one command; the future has the answer, or the exception as its result."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self.post(command, lambda answer: None if future.done() else future.set_result(answer))
        return future

    def close(self, reason: str) -> None:
        """Close now; waiting receivers get the reason."""
        self._reason = self._reason or reason
        self._transport.abort()
        self._end()

    def data_received(self, data: bytes) -> None:
        """Deliver the answers in the order of the commands."""
        reader, waiting = self._reader, self._waiting
        self._progress = self._loop.time()
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not False:
                waiting.popleft()(answer)
        except (hiredis.HiredisError, IndexError):
            self.close("Redis sent an invalid answer")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the connection was lost."""
        self._reason = self._reason or str(exc or "closed by Redis")
        self._end()

    def _write(self) -> None:
        out, self._out = self._out, []
        if not self.closed:
            self.commands += len(out)
            self.writes += 1
            self._transport.write(b"".join(out))

    def _check_progress(self) -> None:
        now = self._loop.time()
        # If this check itself is late, the loop was busy, and the answers may still be in the socket.
        punctual = now - self._watched < self._timeout
        if self._waiting and punctual and now - self._progress > self._timeout:
            self.close(f"no answer within {self._timeout:g} s")
            return
        self._watched = now
        self._watch = self._loop.call_later(self._timeout / 2, self._check_progress)

    def _end(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._watch.cancel()
        error = ConnectionError(self._reason)
        while self._waiting:
            self._waiting.popleft()(error)
        self._lost(self, self._reason)
