"""The load client is honest: a server that breaks on purpose, and every break is counted as what it was."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.load import loopback_address, main, message
from bench.loadgen.connection import Connection, Request
from bench.loadgen.driver import Driver, Load

Answer = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """A server on a loopback port; `answer` gets the number of each request, counted over all connections."""
    count = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                if b"Content-Length: " in head:
                    await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
                count += 1
                await answer(count, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def load(port: int, requests: int, **changes: Any) -> dict[str, Any]:
    """Send that many requests at 500/s and return the report."""
    settings: dict[str, Any] = {"connections": 4, "rate": 500.0, "timeout": 2.0, "post_share": 0.0, **changes}
    driver = Driver(
        Load(
            host="127.0.0.1",
            port=port,
            gets=(message("GET", "/", "test", []),),
            posts=(message("POST", "/", "test", [], b'{"a": 1}'),),
            **settings,
        )
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(requests / 500, stop.set)
    report = driver.tally.report(await driver.run(stop))
    assert report["unaccounted"] == 0
    return report


def every_tenth(bad: Answer) -> Answer:
    async def answer(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number % 10 == 0:
            await bad(number, reader, writer)
        else:
            writer.write(GOOD)

    return answer


def reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def rst(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def fin(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def fin_in_head(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    writer.close()


async def fin_in_body(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    writer.close()


async def fin_in_chunks(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    writer.close()


async def status_502(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


async def status_429(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def no_http(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")


async def two_answers(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD + GOOD)


async def never(_: int, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (rst, "cut_before_answer"),
        (fin, "cut_before_answer"),
        (fin_in_head, "cut_mid_answer"),
        (fin_in_body, "cut_mid_answer"),
        (fin_in_chunks, "cut_mid_answer"),
        (status_502, "status_502"),
        (status_429, "status_429"),
        (no_http, "malformed"),
        (two_answers, "malformed"),
    ],
)
async def test_every_tenth_request_broken_is_counted_as_what_it_was(bad: Answer, kind: str) -> None:
    async with serving(every_tenth(bad)) as port:
        report = await load(port, 200)
    broken = report["sent"] // 10
    assert report["failed_by_kind"] == {kind: broken}
    assert report["ok"] == report["sent"] - broken
    assert [failure["kind"] for failure in report["failures"]] == [kind] * broken


async def test_an_answer_that_never_comes_is_a_timeout_and_holds_one_connection_only() -> None:
    async def answer(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (never(number, reader, writer) if number == 5 else _good(writer))

    async with serving(answer) as port:
        report = await load(port, 100, timeout=0.3)
    assert report["failed_by_kind"] == {"timeout": 1}
    assert report["failures"][0]["waited_ms"] >= 300


async def test_a_server_that_is_not_there_fails_every_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    report = await load(port, 50)
    assert report["failed_by_kind"] == {"connect_failed": report["sent"]}
    assert report["sent"] + report["not_sent"] > 25


async def test_requests_that_found_no_connection_are_not_forgotten() -> None:
    async with serving(never) as port:
        report = await load(port, 100, timeout=0.5)
    assert report["ok"] == 0
    assert report["failed_by_kind"] == {"timeout": report["sent"]}
    assert report["sent"] + report["not_sent"] > 50


async def test_connection_close_is_honoured_and_costs_nothing() -> None:
    async def answer(number: int, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number % 3 == 0:
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            writer.close()
        else:
            await _good(writer)

    async with serving(answer) as port:
        report = await load(port, 60)
    assert report["failed"] == 0
    assert report["connections"]["closed_after_answer"] == report["sent"] // 3


class Recorder:
    """Hears what happens on one connection."""

    def __init__(self) -> None:
        self.kinds: asyncio.Queue[str] = asyncio.Queue()
        self.idle_closed = asyncio.Event()

    def ended(self, connection: Connection, request: Request, kind: str, detail: str) -> None:
        self.kinds.put_nowait(kind)

    def closed_idle(self, connection: Connection) -> None:
        self.idle_closed.set()


async def test_a_connection_that_the_server_closed_idle_is_opened_again() -> None:
    async def answer(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _good(writer)
        writer.close()  # after the answer, without having said so

    loop, heard = asyncio.get_running_loop(), Recorder()
    connection = Connection(heard)
    async with serving(answer) as port:
        for _ in range(2):
            heard.idle_closed.clear()
            await loop.create_connection(lambda: connection, "127.0.0.1", port)
            connection.send(Request("GET", message("GET", "/", "test", []), loop.time()), loop.time())
            assert await heard.kinds.get() == "ok"
            await heard.idle_closed.wait()
            assert not connection.is_open


async def test_all_ways_of_ending_a_body_are_understood() -> None:
    answers = [
        GOOD,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
        b"HTTP/1.0 201 Created\r\nContent-Length: 1\r\n\r\nx",
    ]

    async def answer(number: int, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = answers[number % len(answers)]
        for byte in whole:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        if b"close" in whole or b"HTTP/1.0" in whole:
            writer.close()

    async with serving(answer) as port:
        report = await load(port, 400)
    assert report["failed_by_kind"] == {}
    assert report["ok"] > len(answers)


async def test_a_stall_counts_from_when_requests_were_due() -> None:
    async def answer(number: int, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number == 10:
            await asyncio.sleep(0.3)
        await _good(writer)

    async with serving(answer) as port:
        report = await load(port, 200, connections=1)
    waited = [second["slowest_ms"] for second in report["timeline"]]
    assert report["failed"] == 0
    assert max(waited) >= 300
    assert report["latency_ms"]["p50"] > report["service_ms"]["p50"]


@pytest.mark.parametrize(("retry", "failed"), [(False, True), (True, False)])
async def test_a_cut_get_is_sent_again_only_when_asked(retry: bool, failed: bool) -> None:
    async def answer(number: int, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (rst(number, _, writer) if number in {20, 40} else _good(writer))

    async with serving(answer) as port:
        report = await load(port, 100, retry=retry)
    assert bool(report["failed"]) is failed
    assert report["retried"] == (2 if retry else 0)


async def test_a_post_is_never_sent_again() -> None:
    async with serving(every_tenth(rst)) as port:
        report = await load(port, 100, retry=True, post_share=1.0)
    assert report["retried"] == 0
    assert report["methods"]["POST"]["failed"] == report["sent"] // 10


async def test_share_of_posts_and_rate_are_as_asked() -> None:
    async with serving(every_tenth(status_502)) as port:
        report = await load(port, 1000, post_share=0.5)
    assert report["sent"] + report["not_sent"] == pytest.approx(1000, abs=50)
    assert report["methods"]["POST"]["sent"] / report["sent"] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "10.0.0.1", "::"])
def test_other_machines_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        loopback_address(host, 80)


def test_wrong_use_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://192.0.2.1:80", "--get", "/"]) == 2
    assert "refused" in capsys.readouterr().err


async def test_sigterm_ends_the_command_with_a_full_report() -> None:
    async def answer(_: int, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _good(writer)

    async with serving(answer) as port:
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", "--url", f"http://127.0.0.1:{port}", "--get", "/"),
            *("--rate", "200", "--json"),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert client.stderr is not None
        assert await client.stderr.readline() == b"load: first answer\n"
        client.send_signal(signal.SIGTERM)
        output, _ = await client.communicate()
    report = json.loads(output)
    assert client.returncode == 0
    assert report["sent"] == report["ok"] > 0


async def _good(writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)
