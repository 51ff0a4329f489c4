"""HTTP to the socket of an engine on this machine, on the standard library.

The SDK takes 0.1 s to load and a millisecond for each call, so it is loaded only for what few commands do.
"""

from __future__ import annotations

import http.client
import select
import socket
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, LifoQueue
from urllib.parse import unquote

from ops.engine.answer import BAD_REQUEST, Answer, Lost, Refused

DEFAULT_SOCKET = "/var/run/docker.sock"

POOL_SIZE = 32
"""Idle connections that are kept."""

CHUNK = 65536
"""Bytes of a stream that are read at once."""

_READS = ("GET", "HEAD")
_BROKEN = (OSError, http.client.HTTPException)


def socket_path(url: str) -> str:
    """The path in unix:///PATH, or the default one. Raises ValueError."""
    path = unquote(url.strip().partition("://")[2])
    if url.strip() and not path.startswith("/"):
        raise ValueError(f"{url} has no path")
    return path or DEFAULT_SOCKET


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("docker")
        self._path, self._timeout = path, timeout

    def connect(self) -> None:
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.settimeout(self._timeout)
            connected.connect(self._path)
        except BaseException:
            connected.close()
            raise
        self.sock = connected

    def ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float | None
    ) -> tuple[http.client.HTTPResponse, socket.socket]:
        """The beginning of the answer, and its connection."""
        self._timeout = timeout
        if self.sock is not None:
            self.sock.settimeout(timeout)
        self.request(method, path, body, dict(headers))
        connected: socket.socket = self.sock
        return self.getresponse(), connected

    @property
    def idle(self) -> bool:
        """Whether it is open: no request is pending, so readable data can only be its end."""
        if self.sock is None:
            return False
        readable = select.poll()
        readable.register(self.sock, select.POLLIN)
        return not readable.poll(0)


class LocalStream:
    """``ops.engine.answer.Stream``"""

    def __init__(self, response: http.client.HTTPResponse, connected: socket.socket) -> None:
        self._response, self._socket = response, connected

    def __iter__(self) -> Iterator[bytes]:
        try:
            while chunk := self._response.read1(CHUNK):
                yield chunk
        except (*_BROKEN, ValueError, AttributeError):  # the last two: it was closed meanwhile
            return
        finally:
            self.close()

    def close(self) -> None:
        with suppress(OSError):  # it has ended
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@dataclass(frozen=True)
class LocalTransport:
    """``ops.engine.answer.Transport`` for the socket at ``path``.

    ``timeout``: seconds of a call; ``size``: idle connections that are kept.
    """

    path: str
    timeout: float
    size: int
    _idle: LifoQueue[_Connection] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_idle", LifoQueue(self.size))
        weakref.finalize(self, _close, self._idle)  # for callers that forget to close it

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float | None
    ) -> Answer:
        request = (method, path, body, headers, timeout or self.timeout)
        connection = self._connection()
        try:
            try:
                response, _ = connection.ask(*request)
            except ConnectionError:
                if method not in _READS:
                    raise
                connection.close()
                connection = _Connection(self.path, self.timeout)
                response, _ = connection.ask(*request)
            answer = _answer(response)
        except _BROKEN as error:
            connection.close()
            raise Lost from error
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return answer

    def open(self, path: str) -> LocalStream:
        connection = _Connection(self.path, self.timeout)
        try:
            response, connected = connection.ask("GET", path, None, {}, None)
            if response.status >= BAD_REQUEST:
                answer = _answer(response)
                connection.close()
                raise Refused(answer.status, answer.explanation)
        except _BROKEN as error:
            connection.close()
            raise Lost from error
        return LocalStream(response, connected)

    def close(self) -> None:
        _close(self._idle)

    def _connection(self) -> _Connection:
        while True:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                return _Connection(self.path, self.timeout)
            if connection.idle:
                return connection
            connection.close()

    def _keep(self, connection: _Connection) -> None:
        with suppress(Full):
            if connection.idle:
                self._idle.put_nowait(connection)
                return
        connection.close()


def _close(idle: LifoQueue[_Connection]) -> None:
    with suppress(Empty):
        while True:
            idle.get_nowait().close()


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())
