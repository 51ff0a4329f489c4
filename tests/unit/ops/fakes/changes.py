"""Changes of containers in memory."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue


class FakeChanges:
    """``ops.platform.ports.Changes``. ``happen``: adds one."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[str] = SimpleQueue()

    def __iter__(self) -> Iterator[str]:
        yield from iter(self._queue.get, "")

    def happen(self, what: str) -> None:
        self._queue.put(what)

    def close(self) -> None:
        self._queue.put("")
