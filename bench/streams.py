"""Event streams that stay open during an operation: `python -m bench.streams --url http://127.0.0.1:PORT`.

Each client behaves like a browser: it reads until the stream ends, waits a second and reopens it. When terminated, it
prints as JSON how often streams were opened, the time and manner of every end, and failed attempts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.companion import companion

PATH = "/api/v1/events"
COUNT = 50
REOPEN = 1.0
"""Seconds until an ended stream is reopened, as in the backend's `retry:`."""
SILENCE = 25.0
"""Seconds: the backend sends something at least every 10 s."""


@dataclass
class Seen:
    """``ends``: (Unix time, manner): "ended" regularly, "cut" without an end, "silent"."""

    opened: int = 0
    ends: list[tuple[float, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    longest_gap: float = 0.0


async def keep_open(session: aiohttp.ClientSession, url: str, seen: Seen, all_open: asyncio.Event, count: int) -> None:
    """One client, endlessly."""
    closed = time.monotonic()
    while True:
        try:
            async with session.get(url + PATH, timeout=aiohttp.ClientTimeout(sock_read=SILENCE)) as answer:
                if answer.status != 200:
                    seen.refused[f"status {answer.status}"] += 1
                else:
                    seen.longest_gap = max(seen.longest_gap, time.monotonic() - closed)
                    seen.opened += 1
                    if seen.opened >= count:
                        all_open.set()
                    manner = await _read(answer)
                    seen.ends.append((time.time(), manner))
        except aiohttp.ClientError as error:
            seen.refused[type(error).__name__] += 1
        closed = time.monotonic()
        await asyncio.sleep(REOPEN)


async def _read(answer: aiohttp.ClientResponse) -> str:
    try:
        async for _ in answer.content.iter_any():
            pass
    except aiohttp.SocketTimeoutError:
        return "silent"
    except aiohttp.ClientError:
        return "cut"
    return "ended"


async def run(url: str, count: int) -> dict[str, Any]:
    """Until SIGTERM."""
    stop, all_open, seen = asyncio.Event(), asyncio.Event(), Seen()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        tasks = [asyncio.create_task(keep_open(session, url, seen, all_open, count)) for _ in range(count)]
        await all_open.wait()
        print("streams: open", file=sys.stderr, flush=True)
        await stop.wait()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
    return {
        "opened": seen.opened,
        "ends": seen.ends,
        "refused": dict(seen.refused),
        "longest_gap_s": round(seen.longest_gap, 2),
    }


@contextmanager
def open_streams(url: str) -> Iterator[dict[str, Any]]:
    """COUNT streams in a separate process; the mapping is filled when the block ends. Raises BenchError."""
    report: dict[str, Any] = {}
    with companion("bench.streams", "--url", url, ready="streams: open") as end:
        yield report
        report |= end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(run(options.url, options.count))))
