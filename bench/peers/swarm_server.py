"""The server of bench.swarm_side_by_side: it answers every request with 200.

DELAY: seconds until it answers, except for /health; STARTS: seconds until it listens. At SIGTERM it exits at once, like
a program that does not handle the signal; with FINISHES it first answers what it has, and takes no new connection.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from typing import ClassVar

DELAY = float(os.environ.get("DELAY") or 0)
STARTS = float(os.environ.get("STARTS") or 0)
FINISHES = bool(os.environ.get("FINISHES"))
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Client(asyncio.Protocol):
    """One connection, with one request at a time."""

    clients: ClassVar[set[Client]] = set()
    terminated: ClassVar[asyncio.Event]
    ended: ClassVar[asyncio.Event]

    def __init__(self) -> None:
        self.received = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        Client.clients.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        Client.clients.discard(self)
        if Client.terminated.is_set() and not Client.clients:
            Client.ended.set()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self.received, self.busy = b"", True
            if DELAY and not head.startswith(b"GET /health "):
                asyncio.get_running_loop().call_later(DELAY, self.answer)
            else:
                self.answer()

    def answer(self) -> None:
        last = b"Connection: close\r\n" if Client.terminated.is_set() else b""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + last + b"\r\nok\n")
        self.busy = False
        if last:
            self.transport.close()


async def main() -> None:
    loop, Client.terminated, Client.ended = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, Client.terminated.set if FINISHES else lambda: os._exit(0))
    await asyncio.sleep(STARTS)
    server = await loop.create_server(Client, port=8000, backlog=1024)
    await Client.terminated.wait()
    server.close()
    for client in [each for each in Client.clients if not each.busy]:
        client.transport.close()
    if Client.clients:
        await Client.ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
