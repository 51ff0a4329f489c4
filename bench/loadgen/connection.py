"""One keep-alive connection: sends a request, waits for its answer, reports the exact result."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

from bench.loadgen.parser import AnswerParser, MalformedAnswer
from bench.loadgen.tally import OK


@dataclass(slots=True)
class Request:
    """A request in flight. `due` and `written` are loop times in seconds; `payload` is the whole message."""

    method: str
    payload: bytes
    due: float
    written: float = 0.0
    reused: bool = False
    retried: bool = False


class Listener(Protocol):
    """Receives the events of a connection."""

    def ended(self, connection: Connection, request: Request, kind: str, detail: str) -> None:
        """The request has a result: OK or a kind of failure."""

    def closed_idle(self, connection: Connection) -> None:
        """The server closed the connection between requests."""


class Connection(asyncio.Protocol):
    """A connection of the client, reopened after each close. One request at a time."""

    def __init__(self, listener: Listener) -> None:
        self.request: Request | None = None
        self.closed_by_answer = False
        self._listener = listener
        self._parser = AnswerParser()
        self._transport: asyncio.Transport | None = None
        self._fresh = True

    @property
    def is_open(self) -> bool:
        """Whether a request can be written now."""
        return self._transport is not None

    def send(self, request: Request, now: float) -> None:
        """Write a request on the open connection."""
        assert self._transport is not None and self.request is None
        self._parser.reset()
        self.closed_by_answer = False
        self.request = request
        request.written = now
        request.reused = not self._fresh
        self._fresh = False
        self._transport.write(request.payload)

    def give_up(self, kind: str) -> None:
        """End the request in flight as a failure of that kind; the connection cannot be used again."""
        self._finish(kind, "after the first byte of the answer" if self._parser.started else "")

    def close(self) -> None:
        """Close without an event."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._fresh = True

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self.request is None:
            self._server_left()
            return
        try:
            complete = self._parser.feed(data)
        except MalformedAnswer as error:
            self._finish("malformed", str(error))
            return
        if complete:
            self._answered()

    def eof_received(self) -> bool:
        if self.request is not None and self._parser.feed_eof():
            self._answered()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return
        if self.request is None:
            self._server_left()
            return
        kind = "cut_mid_answer" if self._parser.started else "cut_before_answer"
        self._finish(kind, type(exc).__name__ if exc else "closed")

    def _server_left(self) -> None:
        self.close()
        self._listener.closed_idle(self)

    def _answered(self) -> None:
        self.closed_by_answer = not self._parser.keep_alive
        status = self._parser.status
        if 200 <= status < 300:
            self._finish(OK, "", close=self.closed_by_answer)
        else:
            self._finish(f"status_{status}", "", close=self.closed_by_answer)

    def _finish(self, kind: str, detail: str, *, close: bool = True) -> None:
        request, self.request = self.request, None
        if close:
            self.close()
        if request is not None:
            self._listener.ended(self, request, kind, detail)
