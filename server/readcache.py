"""A read-through cache in Redis that never returns data which a finished write has replaced.

Three rules ensure this, whichever instance reads or writes:
- A write stores a tombstone under its key before it changes the database, and a new one after the commit. A reader
  fills a key only if the key still has the value that the reader saw, so data from before the commit cannot be stored
  after it. Lists are stored under a generation, which every write replaces at the same two times.
- Every entry starts with its epoch. Each instance that (re)connects to Redis starts a new epoch, so entries from before
  an outage, whose tombstones may have been lost, count as missing.
- Readers share one database read only if they saw the same state of the key: the same tombstone, or none.

One case remains: if only one instance is cut off from Redis and writes, the others return the old entry for at most
`ttl` seconds.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from server.cache import EPOCH_KEY, CacheUnavailable, RedisLink, new_epoch

_TOMBSTONE = b"!"
_SEPARATOR = b"\n"
# A tombstone must outlive every read that started before the commit, so it is longer than _FILL_WITHIN.
_TOMBSTONE_SECONDS = 4
_FILL_WITHIN = 2.0
_SWAP = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end"

_RECENT = ":recent"

# The argument: whether it must return the newest data, because of a recent write.
Load = Callable[[bool], Awaitable[bytes]]


class ReadCache:
    """ttl: seconds after which an entry expires."""

    def __init__(self, link: RedisLink, *, ttl: int = 60) -> None:
        self._link = link
        self._ttl = ttl
        self._flights: dict[tuple[str, bytes | None], asyncio.Future[bytes]] = {}
        self.hits = 0
        self.misses = 0
        self.bypassed = 0
        self.loads = 0

    async def read(self, key: str, load: Load, *, recent: bool = False) -> bytes:
        """The cached entry of the key, or the result of `load`. Raises what `load` raises.

        recent: there was a recent write to the key's data.
        """
        try:
            epoch_call = self._link.get(EPOCH_KEY)
            entry: bytes | None = await self._link.get(key)
            epoch: bytes | None = await epoch_call
        except CacheUnavailable:
            self.bypassed += 1
            return await load(False)
        if entry is not None and epoch is not None and entry.startswith(epoch + _SEPARATOR):
            self.hits += 1
            return entry[len(epoch) + 1 :]
        self.misses += 1
        if epoch is None:
            self._link.send("SET", EPOCH_KEY, new_epoch(), "NX")
        flight = (key, entry)
        running = self._flights.get(flight)
        if running is None:
            running = asyncio.ensure_future(self._load_and_fill(key, entry, epoch, load, recent))
            self._flights[flight] = running
            running.add_done_callback(lambda done: self._land(flight, done))
        return await asyncio.shield(running)

    async def read_listed(self, group: str, key: str, load: Load) -> bytes:
        """Like `read`, for an answer with many rows: any write to the group invalidates it."""
        try:
            recent_call = self._link.send("EXISTS", group + _RECENT)
            generation: bytes | None = await self._link.get(group)
            recent = bool(await recent_call)
            if generation is None:
                await self._link.call("SET", group, secrets.token_hex(8), "NX")
                generation = await self._link.get(group)
        except CacheUnavailable:
            generation, recent = None, False
        if generation is None:
            self.bypassed += 1
            return await load(False)
        return await self.read(f"{group}:{generation.decode()}:{key}", load, recent=recent)

    @asynccontextmanager
    async def writing(self, group: str, *keys: str) -> AsyncIterator[None]:
        """Wraps a database write that affects the keys and the group's lists."""
        await self._bury(group, keys)
        try:
            yield
        finally:
            await self._bury(group, keys)

    async def _bury(self, group: str, keys: tuple[str, ...]) -> None:
        mark = _TOMBSTONE + secrets.token_bytes(8)
        calls = [self._link.send("SET", key, mark, "EX", _TOMBSTONE_SECONDS) for key in keys]
        calls.append(self._link.send("SET", group + _RECENT, 1, "EX", _TOMBSTONE_SECONDS))
        calls.append(self._link.send("SET", group, secrets.token_hex(8)))
        await asyncio.gather(*calls, return_exceptions=True)

    async def _load_and_fill(
        self, key: str, seen: bytes | None, epoch: bytes | None, load: Load, recent: bool
    ) -> bytes:
        started = time.monotonic()
        self.loads += 1
        buried = seen is not None and seen.startswith(_TOMBSTONE)
        value = await load(buried or recent)
        if epoch is None or buried or time.monotonic() - started > _FILL_WITHIN:
            return value
        entry = epoch + _SEPARATOR + value
        if seen is None:
            self._link.send("SET", key, entry, "EX", self._ttl, "NX")
        else:
            self._link.send("EVAL", _SWAP, 1, key, seen, entry, self._ttl, key=key)
        return value

    def _land(self, flight: tuple[str, bytes | None], done: asyncio.Future[bytes]) -> None:
        del self._flights[flight]
        if not done.cancelled():
            # All waiting readers may have been cancelled; retrieve the error, so that the loop does not log it.
            done.exception()
