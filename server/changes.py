"""Changes of the catalogue, published to all instances through a Redis stream, and by each instance to listeners."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator

import msgspec

from server.cache import CacheUnavailable, RedisLink

_STREAM = "videa:changes"
_KEPT = 1000
_POLL_SECONDS = 0.5
_QUEUE = 200
_ID = re.compile(r"[0-9]{1,15}-[0-9]{1,9}\Z")

Change = tuple[str, bytes]


class Changes:
    """Polls only while there are listeners. Without Redis, listeners get only this instance's changes."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._listeners: set[asyncio.Queue[Change]] = set()
        self._last = ""
        self._wake = asyncio.Event()

    async def publish(self, kind: str, title_id: int) -> None:
        """Publish that a title was created, changed or deleted."""
        data = msgspec.json.encode({"kind": kind, "id": title_id})
        try:
            await self._link.call("XADD", _STREAM, "MAXLEN", "~", _KEPT, "*", "change", data)
        except CacheUnavailable:
            self._deliver("", data)

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Change]]:
        """A queue of (id, JSON) from now on. A slow listener loses the oldest entries."""
        queue: asyncio.Queue[Change] = asyncio.Queue(_QUEUE)
        self._listeners.add(queue)
        self._wake.set()
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    async def since(self, last_id: str) -> list[Change]:
        """The stored changes after the last id that a returning listener has seen."""
        if not _ID.match(last_id):
            return []
        with contextlib.suppress(CacheUnavailable):
            return _decode(await self._link.call("XRANGE", _STREAM, f"({last_id}", "+", "COUNT", _KEPT))
        return []

    async def keep_polling(self) -> None:
        """Fetch changes of other instances, endlessly."""
        while True:
            if not self._listeners:
                self._last = ""
                self._wake.clear()
                await self._wake.wait()
            with contextlib.suppress(CacheUnavailable):
                if not self._last:
                    newest = _decode(await self._link.call("XREVRANGE", _STREAM, "+", "-", "COUNT", 1))
                    self._last = newest[0][0] if newest else "0-0"
                for change_id, data in _decode(
                    await self._link.call("XRANGE", _STREAM, f"({self._last}", "+", "COUNT", _KEPT)
                ):
                    self._last = change_id
                    self._deliver(change_id, data)
            await asyncio.sleep(_POLL_SECONDS)

    def _deliver(self, change_id: str, data: bytes) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait((change_id, data))


def _decode(entries: list[list[object]]) -> list[Change]:
    changes = []
    for entry in entries:
        change_id, fields = entry
        if isinstance(change_id, bytes) and isinstance(fields, list):
            changes.append((change_id.decode(), bytes(fields[1])))
    return changes
