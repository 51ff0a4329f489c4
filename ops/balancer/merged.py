"""Several streams of complete lines as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Thread

from ops.errors import VideaError
from ops.platform.ports import Stream


class Merged:
    """``ops.platform.ports.Stream``. It ends with the last of them, or at ``close``. Raises like the last one."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def __iter__(self) -> Iterator[bytes]:
        lines: SimpleQueue[bytes | VideaError | None] = SimpleQueue()
        for stream in self._streams:
            Thread(target=_read, args=(stream, lines), daemon=True).start()
        left, failure = len(self._streams), None
        while left:
            chunk = lines.get()
            if isinstance(chunk, bytes):
                yield chunk
                continue
            left, failure = left - 1, chunk
        if failure:
            raise failure

    def close(self) -> None:
        """Ends the iteration, even while it waits."""
        for stream in self._streams:
            stream.close()


def _read(stream: Stream, lines: SimpleQueue[bytes | VideaError | None]) -> None:
    try:
        for chunk in stream:
            lines.put(chunk)
    except VideaError as error:
        lines.put(error)
    else:
        lines.put(None)
