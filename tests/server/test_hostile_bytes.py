"""Bytes that no honest client sends: a mistake of the client, one line in the log, and no cost to others."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from typing import Any

import pytest

from server.keys import METRICS
from tests.server.support import Client, StartInstance

MEBIBYTE = 1_048_576


async def send(client: Client, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to these very bytes."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        writer.write(raw)
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
    finally:
        writer.close()
    return int(lines[0].split()[1]), headers, body


def request(method: bytes, path: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    length = (b"Content-Length: %d" % len(body),) if body else ()
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, path), b"Host: x", *lines, *length, b"", body])


@pytest.mark.parametrize(
    "raw",
    [
        request(b"GET", b"/\xff\xfe"),
        request(b"GET", b"/api/v1/titles?q=\xff"),
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"GET http://[x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        request(b"POST", b"/api/v1/echo", b"Content-Length: 1", b"Transfer-Encoding: chunked"),
    ],
    ids=["raw path", "raw query", "no Host", "bad address", "TLS", "two lengths"],
)
async def test_what_is_no_http_is_a_problem_and_one_line(
    api: Client, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    app = api.app
    assert app is not None
    before = app[METRICS].sample().client_errors
    with caplog.at_level(logging.DEBUG):
        status, headers, body = await send(api, raw)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(body)["status"] == 400
    assert headers["server"] == "videa"
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert len(str(record.__dict__["reason"])) <= 120
    assert app[METRICS].sample().client_errors == before + 1


NAMES = [
    b"Authorization", b"Cookie", b"Host", b"Idempotency-Key", b"If-Match", b"If-None-Match", b"Last-Event-ID",
    b"Origin", b"Sec-Fetch-Site", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Request-ID", b"Content-Type",
]  # fmt: skip
VALUES = [
    b"\xff",
    b"a=\xff; videa_session=\xff; videa_form=\xff; videa_after=7.\xff",
    b"Bearer \xc3\xff",
    b"\xe2\x84\xaa",
]


async def test_no_byte_in_a_header_is_an_error_of_the_server(
    start_instance: StartInstance, caplog: pytest.LogCaptureFixture
) -> None:
    client = await start_instance(GUEST_WRITES="on", RATE_LIMITS="on")
    form = b"email=a&password=b&token=%ff"
    credentials = b'{"email": "a@b.cc", "password": "long enough"}'
    asked = [
        (b"GET", b"/api/v1/titles", b""),
        (b"GET", b"/api/v1/titles/1", b""),
        (b"POST", b"/api/v1/titles", b'{"title": "a", "year": 1999}'),
        (b"GET", b"/api/v1/me", b""),
        (b"POST", b"/api/v1/auth/login", credentials),
        (b"GET", b"/dashboard", b""),
        (b"GET", b"/dashboard/login", b""),
        (b"GET", b"/dashboard/events", b""),
        (b"POST", b"/dashboard/login", form),
        (b"POST", b"/dashboard/logout", form),
        (b"GET", b"/health/metrics", b""),
        (b"OPTIONS", b"/api/v1/titles", b""),
        (b"GET", b"/nothing/%ff%00", b""),
    ]
    statuses: dict[int, list[Any]] = {}
    for method, path, body in asked:
        for name in NAMES:
            for value in VALUES:
                lines = request(method, path, name + b": " + value, body=body).split(b"\r\n")
                if name == b"Host":
                    lines.remove(b"Host: x")
                status, _, _ = await send(client, b"\r\n".join(lines))
                statuses.setdefault(status, []).append((method, path, name, value))
    assert not [case for status, cases in statuses.items() if status >= 500 for case in cases]
    assert {200, 400, 401, 403, 404} <= set(statuses)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_compressed_body_is_never_inflated(api: Client) -> None:
    app = api.app
    assert app is not None
    bomb = gzip.compress(bytes(64 * MEBIBYTE))
    for method, path in ((b"GET", b"/health/live"), (b"POST", b"/api/v1/echo"), (b"POST", b"/api/v1/auth/login")):
        for encoding in (b"gzip", b"deflate", b"br", b"zstd", b"GZIP, gzip"):
            status, headers, body = await send(
                api,
                request(method, path, b"Content-Encoding: " + encoding, b"Content-Type: application/json", body=bomb),
            )
            assert (status, headers["accept-encoding"]) == (415, "identity")
            assert json.loads(body)["title"] == "Unsupported Media Type"
    status, _, body = await send(api, request(b"POST", b"/api/v1/echo", b"Content-Encoding: identity", body=b"abc"))
    assert (status, json.loads(body)["bytes"]) == (200, 3)


async def test_a_body_that_no_route_wants_is_refused_by_its_length(api: Client) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert (await send(api, head % (MEBIBYTE + 1)))[0] == 413


async def test_a_body_that_never_arrives_is_given_up(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.payloads._SLOWEST_BODY", 0.05)
    status, headers, _ = await send(api, b"POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
    assert (status, headers["content-type"]) == (408, "application/problem+json")
