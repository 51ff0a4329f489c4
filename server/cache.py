"""Redis for the server, single or Cluster: many callers share few round trips; an unavailable Redis causes no delay.

While Redis is unavailable, every call fails at once without using the network, and a background task reconnects with
jitter. In a Cluster each key goes to its node, and only the keys of a lost node fail.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

from redis.asyncio.connection import parse_url
from redis.crc import key_slot
from redis.exceptions import RedisError

from server.redis_connection import address_of, open_connection, seeds
from server.redis_url import redis_query
from server.resp import Argument, Pipeline, Receiver, ReplyError

log = logging.getLogger("videa.redis")

EPOCH_KEY = "videa:epoch"
_SLOTS = 16384
_FIRST_RETRY = 0.1
_LONGEST_RETRY = 2.0
_REDIRECTS = 3
_CONNECT_SECONDS = 1.0


class CacheUnavailable(Exception):
    """Redis is not configured, not reachable or too slow; the caller continues without it."""


class RedisLink:
    """A self-healing link to one Redis or one Cluster.

    timeout: seconds without any answer, unless the URL has a socket_timeout; a slower Redis counts as unavailable,
    because waiting for it costs more than working without it.
    """

    def __init__(self, url: str | None, *, client_name: str, timeout: float = 0.25) -> None:
        self._cluster = url is not None and "+cluster://" in url
        self._seeds = list(seeds(url)) if url else []
        self._client_name = client_name
        self._query = redis_query(url) if url else {}
        self._timeout = float(str(self._query.pop("socket_timeout", timeout)))
        self._connect_timeout = float(str(self._query.pop("socket_connect_timeout", _CONNECT_SECONDS)))
        self._nodes: dict[str, Pipeline] = {}
        self._slots: list[Pipeline | None] = []
        self._only: Pipeline | None = None
        self._asked: dict[str, list[asyncio.Future[Any]]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._broken = asyncio.Event()
        self._reason = "not connected yet" if url else "not configured"
        self._retired_commands = 0
        self._retired_writes = 0
        self.up = False
        self.outages = 0

    @property
    def configured(self) -> bool:
        """False without REDIS_URL: then the server works without Redis on purpose."""
        return bool(self._seeds)

    @property
    def kind(self) -> str:
        """`single`, `cluster` or `off`."""
        return "off" if not self._seeds else "cluster" if self._cluster else "single"

    @property
    def usable(self) -> bool:
        """True while at least some keys can be reached."""
        return bool(self._nodes)

    @property
    def reason(self) -> str:
        """The reason why the link is down."""
        return self._reason

    @property
    def commands(self) -> int:
        """Commands sent since the start."""
        return self._retired_commands + sum(node.commands for node in self._nodes.values())

    @property
    def pipelines(self) -> int:
        """Round trips of these commands."""
        return self._retired_writes + sum(node.writes for node in self._nodes.values())

    def start(self) -> None:
        """Start on the running loop; no command is possible before."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Close all connections; waiting calls fail with CacheUnavailable."""
        # A connection that is closed on purpose is not lost.
        self.up = False
        for node in list(self._nodes.values()):
            node.close("closed")

    def send(self, *command: Argument, key: str | None = None) -> asyncio.Future[Any]:
        """Queue one command for this iteration of the loop; the future has the answer or CacheUnavailable.

        key: decides the node of a Cluster; the first argument by default.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        self._route(command, key, partial(_settle, future), _REDIRECTS)
        return future

    def get(self, key: str) -> asyncio.Future[Any]:
        """The value of the key: one GET for all callers in the same iteration of the loop."""
        future: asyncio.Future[Any] = self._loop.create_future()
        asking = self._asked.get(key)
        if asking is not None:
            asking.append(future)
            return future
        if not self._asked:
            self._loop.call_soon(self._asked.clear)
        self._asked[key] = asking = [future]
        self._route(("GET", key), None, partial(self._deliver, key, asking), _REDIRECTS)
        return future

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Run `work` after that time; its commands are sent together."""
        self._loop.call_later(seconds, work)

    def post(self, receiver: Receiver, *command: Argument) -> None:
        """Queue one command without waiting; the receiver is called with the answer or an exception."""
        self._route(command, None, receiver, _REDIRECTS)

    async def call(self, *command: Argument, key: str | None = None) -> Any:
        """The answer to one command. Raises CacheUnavailable."""
        return await self.send(*command, key=key)

    async def ping(self) -> None:
        """Ping every node. Raises CacheUnavailable, also if a part of a Cluster is unavailable."""
        if not self.up:
            raise CacheUnavailable(self._reason)
        for node in list(self._nodes.values()):
            answer = await node.ask("PING")
            if isinstance(answer, Exception):
                raise CacheUnavailable(str(answer))

    def _deliver(self, key: str, asking: list[asyncio.Future[Any]], answer: Any) -> None:
        # Without a connection, the answer comes at once, and later callers must not get it.
        self._asked.pop(key, None)
        for future in asking:
            _settle(future, answer)

    def _route(self, command: tuple[Argument, ...], key: str | None, receiver: Receiver, redirects: int) -> None:
        if not self._cluster:
            node = self._only
        else:
            decisive = key or (str(command[1]) if len(command) > 1 else "")
            node = self._slots[key_slot(decisive.encode())] if self._slots else None
            receiver = partial(self._answer, command, receiver, redirects)
        if node is None:
            receiver(ConnectionError(self._reason))
        else:
            node.post(command, receiver)

    def _answer(self, command: tuple[Argument, ...], receiver: Receiver, redirects: int, answer: Any) -> None:
        word, _, rest = str(answer).partition(" ") if isinstance(answer, ReplyError) else ("", "", "")
        target = self._nodes.get(rest.rpartition(" ")[2]) if word in ("MOVED", "ASK") else None
        if word == "MOVED":
            self._broken.set()
        if target is None or redirects == 0:
            receiver(answer)
            return
        if word == "ASK":
            target.post(("ASKING",), lambda _: None)
        target.post(command, partial(self._answer, command, receiver, redirects - 1))

    async def keep_connected(self) -> None:
        """Connect, and reconnect whenever the link breaks, endlessly; returns at once without REDIS_URL."""
        pause, reported = _FIRST_RETRY, False
        while self._seeds:
            self._broken.clear()
            try:
                await self._connect_all()
            except (RedisError, OSError, TimeoutError, CacheUnavailable) as error:
                reason = str(error) or type(error).__name__
                if not self.up and not self.outages and not reported:
                    log.warning("redis not reachable", extra={"reason": reason})
                    reported = True
                self._reason = reason
                # Jitter, so that the instances do not all reconnect to a restarted Redis at the same time.
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, _LONGEST_RETRY)
                continue
            pause = _FIRST_RETRY
            self.up = True
            log.info("redis connected", extra={"outages": self.outages, "nodes": len(self._nodes)})
            await self._broken.wait()

    async def _connect_all(self) -> None:
        wanted = await self._discover() if self._cluster else {self._seeds[0]: [(0, 0)]}
        for address in wanted.keys() - self._nodes.keys():
            self._nodes[address] = await self._open(address)
        for address in self._nodes.keys() - wanted.keys():
            self._nodes[address].close("no longer a master")
        if self._cluster:
            slots: list[Pipeline | None] = [None] * _SLOTS
            for address, ranges in wanted.items():
                for first, last in ranges:
                    slots[first : last + 1] = [self._nodes[address]] * (last - first + 1)
            self._slots = slots
            if None in slots:
                raise CacheUnavailable("the cluster does not cover all slots")
        else:
            self._only = self._nodes[self._seeds[0]]
        # Entries from before the outage may have missed a write: a new epoch invalidates them.
        await self.call("SET", EPOCH_KEY, new_epoch())

    async def _discover(self) -> dict[str, list[tuple[int, int]]]:
        error: Exception = CacheUnavailable("no node of the cluster answers")
        for address in dict.fromkeys([*self._nodes, *(address_of(seed) for seed in self._seeds)]):
            try:
                known = self._nodes.get(address)
                node = known or await self._open(address)
                answer = await node.ask("CLUSTER", "SLOTS")
                if known is None:
                    node.close("only used for discovery")
                if isinstance(answer, Exception):
                    raise CacheUnavailable(str(answer))
            except (RedisError, OSError, TimeoutError, CacheUnavailable) as problem:
                error = problem
                continue
            slots: dict[str, list[tuple[int, int]]] = {}
            for first, last, master, *_ in answer:
                host = (master[0] or b"").decode() or address.rpartition(":")[0]
                slots.setdefault(f"{host}:{master[1]}", []).append((first, last))
            return slots
        raise error

    async def _open(self, target: str) -> Pipeline:
        options: dict[str, Any] = {"client_name": self._client_name, **self._query}
        options |= parse_url(self._seeds[0] if self._cluster else target)
        if "db" in self._query:
            options["db"] = self._query["db"]
        if self._cluster:
            host, _, port = target.rpartition(":")
            options.update(host=host, port=int(port))
        # Last, so that the URL cannot override it.
        options |= {"socket_connect_timeout": self._connect_timeout, "socket_timeout": None, "protocol": 2}
        writer = await open_connection(options, seconds=2 * self._connect_timeout)
        return Pipeline(writer, self._timeout, self._on_lost)

    def _on_lost(self, node: Pipeline, reason: str) -> None:
        self._retired_commands += node.commands
        self._retired_writes += node.writes
        known = [address for address, other in self._nodes.items() if other is node]
        for address in known:
            del self._nodes[address]
        if not known:
            return
        if self._only is node:
            self._only = None
        self._slots = [None if other is node else other for other in self._slots]
        self._reason = reason
        if self.up:
            self.up = False
            self.outages += 1
            log.warning("redis lost", extra={"reason": reason})
        self._broken.set()


def new_epoch() -> str:
    """A name that no earlier epoch had, even if Redis has lost the last one."""
    return secrets.token_hex(8)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(CacheUnavailable(str(answer)))
        # Nobody retrieves the error of a fire-and-forget call.
        future.exception()
    else:
        future.set_result(answer)
