"""Docker's stream of frames: stream (1 stdout, 2 stderr), three zeros, length in four bytes, content. Pure."""

from __future__ import annotations

_HEADER = 8
_ZEROS = b"\0\0\0"
_STREAMS = 3


def contents(output: bytes) -> bytes:
    """The content of a complete stream of frames, in order; the output of a terminal has no frames."""
    parts, start = [], 0
    while len(output) - start >= _HEADER:
        if output[start] >= _STREAMS or output[start + 1 : start + 4] != _ZEROS:
            return output
        end = start + _HEADER + int.from_bytes(output[start + 4 : start + _HEADER], "big")
        parts.append(output[start + _HEADER : end])
        start = end
    return b"".join(parts) if parts else output


class Demultiplexer:
    """Extracts lines from the stream, which arrives in chunks. A frame may end within a line, and a frame of the other
    stream may follow.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._begun: dict[int, bytes] = {}

    def feed(self, chunk: bytes) -> bytes:
        """The lines that have become complete with this chunk: those of stdout, then those of stderr."""
        data = self._rest + chunk if self._rest else chunk
        content: dict[int, list[bytes]] = {}
        start = 0
        while len(data) - start >= _HEADER:
            end = start + _HEADER + int.from_bytes(data[start + 4 : start + _HEADER], "big")
            if end > len(data):
                break
            content.setdefault(data[start], []).append(data[start + _HEADER : end])
            start = end
        self._rest = data[start:]
        return b"".join(self._complete(kind, b"".join(parts)) for kind, parts in sorted(content.items()))

    def _complete(self, kind: int, content: bytes) -> bytes:
        text = self._begun.get(kind, b"") + content
        end = text.rfind(b"\n") + 1
        self._begun[kind] = text[end:]
        return text[:end]
