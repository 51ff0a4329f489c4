"""What goes over the wire, whichever way a response is written."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.support import Client, StartInstance, create_title

ONCE = ("content-type", "content-length", "date", "server", "x-request-id", "etag", "x-frame-options", "cache-control")


async def exchange(client: Client, request: str) -> bytes:
    """All that the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(request.encode())
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def headers_of(answer: bytes) -> list[str]:
    head, _, _ = answer.partition(b"\r\n\r\n")
    return [line.partition(":")[0].lower() for line in head.decode().splitlines()[1:]]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_client_that_wants_no_second_request_gets_one_whole_answer(
    api: Client, method: str, version: str
) -> None:
    number = (await create_title(api))["id"]
    answer = await exchange(
        api, f"{method} /api/v1/titles/{number} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 OK\r\n" in head
    async with api.get(f"/api/v1/titles/{number}") as response:
        expected = await response.read()
    assert f"Content-Length: {len(expected)}\r\n".encode() in head + b"\r\n"
    assert body == (expected if method == "GET" else b"")
    names = headers_of(answer)
    assert [names.count(name) for name in ONCE] == [1] * len(ONCE)


async def test_requests_sent_at_once_are_answered_in_order(api: Client) -> None:
    numbers = [(await create_title(api, year=1950 + step))["id"] for step in range(3)]
    wanted = "".join(f"GET /api/v1/titles/{number} HTTP/1.1\r\nHost: x\r\n\r\n" for number in numbers)
    last = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await exchange(api, wanted + last)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 4
    places = [answer.index(f'"year":{1950 + step}'.encode()) for step in range(3)]
    assert places == sorted(places)
    assert answer.count(b"Connection: close") == 1


async def test_a_foreign_page_and_the_frontend_get_what_cors_wants(api: Client) -> None:
    path = f"/api/v1/titles/{(await create_title(api))['id']}"
    for origin, allowed in (("https://mozi.example", "https://mozi.example"), ("https://evil.example", None)):
        for status, headers in ((200, {}), (304, {"If-None-Match": "*"})):
            async with api.get(path, headers={"Origin": origin} | headers) as response:
                assert response.status == status
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert response.headers["Vary"] == "Origin"
                assert "X-Request-ID" in response.headers


async def test_of_two_limits_the_headers_tell_of_the_one_that_refused(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS="login=3/60")
    wrong = {"email": "a@mozi.example", "password": "wrong password"}
    proxied = [{"X-Forwarded-For": f"203.0.113.{last}"} for last in range(4)]
    for headers in proxied[:3]:
        async with client.post("/api/v1/auth/login", json=wrong, headers=headers) as response:
            assert response.status == 401
    async with client.post("/api/v1/auth/login", json=wrong, headers=proxied[3]) as response:
        assert response.status == 429
        assert response.headers["RateLimit-Remaining"] == "0"
        assert response.headers["Retry-After"] == response.headers["RateLimit-Reset"]
