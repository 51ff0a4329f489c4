"""nginx's access log, as compose/nginx/http.conf formats it: one JSON object a line."""

from __future__ import annotations

import re
from contextlib import suppress

import msgspec

NO_ANSWER = 0
"""Status of a request whose connection ended before any answer, such as one cut by worker_shutdown_timeout."""

SERVER_ERROR = 500

CLOSED = 503
"""What nginx answers by itself only while the site is closed for maintenance; a replica's 503 names the replica."""


BETWEEN = re.compile(r", | : ")
"""What nginx writes between the values of the servers that it tried; a colon after an internal redirect."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One request that has ended. ``time``: when, in seconds since the epoch; ``seconds``: from its first byte on.

    ``upstream``: addresses it was sent to, "a:3001, b:3001" when it was tried twice. Empty: nginx answered by itself.
    For each of them ``upstream_seconds`` until its answer had ended, ``upstream_first`` until it began, "-" for none.
    ``body``: bytes of the answer's body that were sent; None in lines of an nginx that does not log them.
    """

    time: float
    status: int
    seconds: float
    request_id: str = ""
    method: str = ""
    path: str = ""
    upstream: str = ""
    upstream_status: str = ""
    upstream_seconds: str = ""
    upstream_first: str = ""
    body: int | None = None

    @property
    def tried(self) -> list[str]:
        """The addresses that it was sent to, in order; the service's name where nginx had no live server left."""
        return BETWEEN.split(self.upstream) if self.upstream else []

    @property
    def answered_by(self) -> str:
        """The address that it was sent to last, without its port; empty when there is none."""
        return self.tried[-1].rpartition(":")[0] if self.upstream else ""

    @property
    def waited(self) -> float:
        """Seconds until the answer began. A stream or a large body then goes on for as long as it likes."""
        whole, first = self.upstream_seconds.split(" ")[-1], self.upstream_first.split(" ")[-1]
        if whole in ("", "-") or first in ("", "-"):
            return self.seconds
        return max(0.0, self.seconds - (float(whole) - float(first)))

    @property
    def failed(self) -> bool:
        """Whether the client got an error of the server's side, or nothing. Being shut out on purpose is no failure."""
        shut_out = self.status == CLOSED and not self.upstream
        return self.status == NO_ANSWER or (self.status >= SERVER_ERROR and not shut_out)


_DECODER = msgspec.json.Decoder(Line)


def parse(line: bytes) -> Line | None:
    """A line of the access log; None for anything else that nginx or its start script may print."""
    if not line.startswith(b"{"):
        return None
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return _DECODER.decode(line)
    # Clients may send bytes that are no UTF-8 in a path; the request counts all the same.
    try:
        return _DECODER.decode(line.decode(errors="replace").encode())
    except msgspec.DecodeError:
        return None


class Lines:
    """Cuts chunks that end anywhere into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return lines
