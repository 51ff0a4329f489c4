"""nginx's access log in the format of image/http.conf: one JSON object per line."""

from __future__ import annotations

import re
from contextlib import suppress

import msgspec

NO_ANSWER = 0
"""Status of a request whose connection ended before the answer, for example at the worker_shutdown_timeout."""

SERVER_ERROR = 500

CLOSED = 503
"""nginx itself sends it only while the site is closed for maintenance; a replica's 503 is logged with its address."""


SEPARATOR = re.compile(r", | : ")
"""Separates the values of the servers that nginx tried; the colon follows an internal redirect."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One completed request. ``time``: Unix time of its end; ``seconds``: duration since its first byte.

    ``upstream``: the addresses that nginx tried, such as "a:3001, b:3001"; empty if nginx answered itself. For each of
    them, ``upstream_seconds`` until the end of its answer and ``upstream_first`` until its first byte, "-" for none.
    ``remote``: the client's address; ``untrusted``: 1 if an untrusted proxy names another client address.
    ``body``: bytes of the answer's body; None if this nginx does not log them. ``tester``: the upstream group that a
    tester with the project's key has chosen; empty for all other clients.
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
    remote: str = ""
    untrusted: int = 0
    tester: str = ""

    @property
    def tried(self) -> list[str]:
        """The addresses that nginx tried, in order; the group's name if no server was available."""
        return SEPARATOR.split(self.upstream) if self.upstream else []

    @property
    def answered_by(self) -> str:
        """The address that nginx tried last, without its port; empty if there is none."""
        return self.tried[-1].rpartition(":")[0] if self.upstream else ""

    @property
    def waited(self) -> float:
        """Seconds until the first byte of the answer: a stream or a large body may take any time after it."""
        total, first = self.upstream_seconds.split(" ")[-1], self.upstream_first.split(" ")[-1]
        if total in ("", "-") or first in ("", "-"):
            return self.seconds
        return max(0.0, self.seconds - (float(total) - float(first)))

    @property
    def failed(self) -> bool:
        """Whether the client got a server error or no answer. The 503 of maintenance is not a failure."""
        maintenance = self.status == CLOSED and not self.upstream
        return self.status == NO_ANSWER or (self.status >= SERVER_ERROR and not maintenance)


_DECODER = msgspec.json.Decoder(Line)


def parse(line: bytes) -> Line | None:
    """The request in a line of the access log; None for any other output of nginx or its start script."""
    if not line.startswith(b"{"):
        return None
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return _DECODER.decode(line)
    # Clients may send invalid UTF-8 in a path; the request still counts.
    try:
        return _DECODER.decode(line.decode(errors="replace").encode())
    except msgspec.DecodeError:
        return None


_DROPPED = re.compile(rb'\{"time":\d+,"level":"warning","message":"log lines dropped","dropped":\d+\}')
_KILLED = re.compile(rb"[\d/]+ [\d:]+ \[alert\] \d+#\d+: worker process \d+ exited on signal (\d+).*")


class Dropped(msgspec.Struct, frozen=True):
    """``dropped``: lines that relay.pl could not pass on; ``time``: Unix time when it recovered, in full seconds."""

    time: float
    dropped: int


_NOTICE = msgspec.json.Decoder(Dropped)


def dropped(line: bytes) -> Dropped | None:
    """What relay.pl has dropped, if this is its line about dropped lines."""
    return _NOTICE.decode(line) if _DROPPED.fullmatch(line) else None


def gap(line: bytes) -> str:
    """Why requests are missing in the log, if this line says so; otherwise empty.

    A worker that is killed, for example when out of memory, does not log the requests that it was serving.
    """
    if missing := dropped(line):
        return f"{missing.dropped} lines of nginx's log were dropped"
    killed = _KILLED.fullmatch(line)
    return f"a worker of nginx was ended by signal {int(killed[1])}, and its requests are not logged" if killed else ""


class Lines:
    """Splits chunks, which may end within a line, into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return lines
