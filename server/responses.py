"""Responses whose head is assembled once as text and sent together with the body in one write.

aiohttp's responses store headers in a multidict, search it for missing ones, and wake several coroutines to write them.
For the same bytes this costs more than a cached read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11
from multidict import CIMultiDict

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Server": "videa",
}


def header_lines(headers: Mapping[str, str]) -> str:
    """Headers in wire format. The caller must check the values: a line break would add a header."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def parse_lines(lines: str) -> CIMultiDict[str]:
    """The headers in the output of `header_lines`."""
    pairs = (line.partition(": ") for line in lines.splitlines())
    return CIMultiDict((name, value) for name, _, value in pairs)


_JSON = header_lines({"Content-Type": "application/json", **SECURITY})
_FRESH_JSON = header_lines({"Cache-Control": "no-store"}) + _JSON
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_BODILESS = frozenset({204, 304})


class ReadyResponse(web.Response):
    """A body and the lines of its head. `lines` may be extended until the response is sent."""

    def __init__(self, lines: str, body: bytes, status: int = 200) -> None:
        super().__init__(body=body, status=status)
        self.lines = lines
        self._content = body
        self._writer: AbstractStreamWriter | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open after it."""
        return super().keep_alive is not False

    @property
    def prepared(self) -> bool:
        """Whether it is being sent."""
        return self._writer is not None or super().prepared

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send everything; a response that is not plain is left to aiohttp."""
        if self.prepared or not self._is_plain(request):
            self.headers.extend(parse_lines(self.lines))
            self.lines = ""
            return await super().prepare(request)
        if not request.keep_alive:
            self.force_close()
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        ending = "" if self.keep_alive else "Connection: close\r\n"
        length = len(self._content)
        head = f"{_STATUS_LINES[self.status]}{self.lines}Content-Length: {length}\r\nDate: {_date()}\r\n{ending}\r\n"
        self._writer = request.writer
        transport.write(head.encode() + self._content)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Wait until a slow client has received enough of it."""
        if self._writer is None:
            await super().write_eof(data)
        else:
            await self._writer.drain()

    def _is_plain(self, request: web.BaseRequest) -> bool:
        return (
            request.version == HttpVersion11
            and request.method != hdrs.METH_HEAD
            and self.status not in _BODILESS
            and not self.compression
            and self._cookies is None
        )


def json_bytes(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> ReadyResponse:
    """A JSON response from encoded bytes, which a cache may store unless the headers forbid it."""
    return ReadyResponse(header_lines(headers) + _JSON if headers else _JSON, body, status)


def fresh_json(answer: object, status: int = 200) -> ReadyResponse:
    """A JSON response that no cache may store."""
    return ReadyResponse(_FRESH_JSON, msgspec.json.encode(answer), status)


class _Clock:
    second = 0
    text = ""


def _date() -> str:
    now = int(time.time())
    if now != _Clock.second:
        _Clock.second, _Clock.text = now, formatdate(now, usegmt=True)
    return _Clock.text
