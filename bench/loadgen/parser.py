"""An incremental parser for one HTTP/1.1 answer at a time: the part of RFC 9112 that a load client needs."""

from __future__ import annotations

from enum import Enum, auto

_MAX_HEAD = 64 * 1024


class MalformedAnswer(ValueError):
    """The peer sent something that is not an HTTP/1.1 answer to a request without pipelining."""


class _State(Enum):
    HEAD = auto()
    LENGTH = auto()
    CHUNK_SIZE = auto()
    CHUNK = auto()
    TRAILER = auto()
    UNTIL_CLOSE = auto()
    DONE = auto()


class AnswerParser:
    """Takes bytes until one answer is complete; `reset()` prepares it for the next one."""

    __slots__ = ("_buffer", "_missing", "_state", "head", "keep_alive", "started", "status")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the answer and wait for the next."""
        self._buffer = b""
        self._missing = 0
        self._state = _State.HEAD
        self.started = False
        self.status = 0
        self.keep_alive = True
        self.head = b""

    def feed(self, data: bytes) -> bool:
        """Take the received bytes and return whether the answer is complete.

        Raises MalformedAnswer, also for bytes beyond the end of the answer.
        """
        self.started = True
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        while data or self._state is _State.DONE:
            if self._state is _State.DONE:
                if data:
                    raise MalformedAnswer(f"{len(data)} bytes after the end of the answer")
                return True
            rest = self._step(data)
            if rest is None:
                return False
            data = rest
        return False

    def feed_eof(self) -> bool:
        """Whether the end of the connection completes the answer (a body without a stated length)."""
        if self._state is _State.UNTIL_CLOSE:
            self._state = _State.DONE
        return self._state is _State.DONE

    def _step(self, data: bytes) -> bytes | None:
        """Consume one element; None if more bytes are needed."""
        match self._state:
            case _State.HEAD:
                return self._take_head(data)
            case _State.LENGTH | _State.CHUNK:
                return self._take_sized(data)
            case _State.UNTIL_CLOSE:
                return None
            case _:
                return self._take_line(data)

    def _take_head(self, data: bytes) -> bytes | None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > _MAX_HEAD:
                raise MalformedAnswer("head larger than 64 KiB")
            self._buffer = data
            return None
        head = data[: end + 2].lower()
        if not head.startswith((b"http/1.1 ", b"http/1.0 ")) or not head[9:12].isdigit():
            raise MalformedAnswer(f"no HTTP/1.x status line: {data[:40]!r}")
        rest = data[end + 4 :]
        status = int(head[9:12])
        if 100 <= status < 200:  # an interim answer: the final one follows
            return rest or None
        self.status = status
        self.head = head
        self._begin_body(head)
        return rest

    def _begin_body(self, head: bytes) -> None:
        connection = header(head, b"connection")
        self.keep_alive = b"close" not in connection and (head.startswith(b"http/1.1") or b"keep-alive" in connection)
        length = header(head, b"content-length")
        if self.status in (204, 304):
            self._state = _State.DONE
        elif b"chunked" in header(head, b"transfer-encoding"):
            self._state = _State.CHUNK_SIZE
        elif length:
            if not length.isdigit():
                raise MalformedAnswer(f"bad Content-Length {length!r}")
            self._missing = int(length)
            self._state = _State.LENGTH if self._missing else _State.DONE
        else:
            self.keep_alive = False
            self._state = _State.UNTIL_CLOSE

    def _take_sized(self, data: bytes) -> bytes | None:
        if len(data) < self._missing:
            self._missing -= len(data)
            return None
        rest = data[self._missing :]
        self._missing = 0
        self._state = _State.DONE if self._state is _State.LENGTH else _State.CHUNK_SIZE
        return rest

    def _take_line(self, data: bytes) -> bytes | None:
        end = data.find(b"\r\n")
        if end < 0:
            self._buffer = data
            return None
        line, rest = data[:end], data[end + 2 :]
        if self._state is _State.TRAILER:
            if not line:
                self._state = _State.DONE
            return rest
        try:
            size = int(line.split(b";", 1)[0], 16)
        except ValueError:
            raise MalformedAnswer(f"bad chunk size {line[:20]!r}") from None
        self._missing = size + 2  # the chunk and the line end after it
        self._state = _State.CHUNK if size else _State.TRAILER
        return rest


def header(head: bytes, name: bytes) -> bytes:
    """Value of a header in a lower-cased head that ends with a line end; "" if it is absent."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.index(b"\r\n", start)].strip()
