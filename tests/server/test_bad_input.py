"""Whatever a client sends, it gets its own mistake back, never a 5xx."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.server.support import TITLE, Client

BODIES: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, ""),
    ("not JSON", b"{title:", 400, ""),
    ("not UTF-8", b'{"title": "\xff\xfe", "year": 1999}', 400, ""),
    ("half a surrogate", b'{"title": "\\ud800", "year": 1999}', 400, ""),
    ("too deep", b"[" * 60_000, 422, "body"),
    ("a list", b"[]", 422, "body"),
    ("no title", b'{"year": 1999}', 422, "title"),
    ("unknown field", b'{"title": "a", "year": 1999, "id": 7}', 422, "id"),
    ("empty title", b'{"title": "", "year": 1999}', 422, "title"),
    ("NUL", b'{"title": "a\\u0000b", "year": 1999}', 422, "title"),
    ("title too long", b'{"title": "' + b"a" * 201 + b'", "year": 1999}', 422, "title"),
    ("year as text", b'{"title": "a", "year": "1999"}', 422, "year"),
    ("huge number", b'{"title": "a", "year": ' + b"9" * 4000 + b"}", 422, "year"),
    ("fraction", b'{"title": "a", "year": 1999.5}', 422, "year"),
    ("NaN", b'{"title": "a", "year": NaN}', 400, ""),
    ("NUL in a list", b'{"title": "a", "year": 1999, "genres": ["\\u0000"]}', 422, "genres[0]"),
    ("too many genres", b'{"title": "a", "year": 1999, "genres": [' + b'"x",' * 10 + b'"x"]}', 422, "genres"),
    ("language", b'{"title": "a", "year": 1999, "language": "hu\\n"}', 422, "language"),
    ("too large", b'{"title": "' + b"a" * 70_000 + b'", "year": 1999}', 413, ""),
]


@pytest.mark.parametrize(("body", "status", "field"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
async def test_a_bad_body_is_refused_by_name(api: Client, body: bytes, status: int, field: str) -> None:
    async with api.post("/api/v1/titles", data=body, headers={"Content-Type": "application/json"}) as response:
        problem: dict[str, Any] = await response.json()
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("year=1", "year"),
        ("q=%00", "q"),
        ("q=" + "a" * 101, "q"),
        ("genre=", "genre"),
        ("sort=title", "sort"),
        ("limit=5&limit=6", "limit"),
    ],
)
async def test_a_bad_query_is_refused_by_name(api: Client, query: str, field: str) -> None:
    async with api.get(f"/api/v1/titles?{query}") as response:
        assert response.status == 422
        assert [error["field"] for error in (await response.json())["errors"]] == [field]


@pytest.mark.parametrize(
    "number", ["0", "\uff11", "\u0661", "9223372036854775807", "9223372036854775808", "9" * 19, "9" * 40, "-1", "x"]
)
async def test_a_title_that_cannot_exist_is_not_found(api: Client, number: str) -> None:
    for method, body in (("GET", None), ("PUT", TITLE), ("DELETE", None)):
        async with api.request(method, f"/api/v1/titles/{number}", json=body) as response:
            assert response.status == 404


async def test_other_content_types_are_refused(api: Client) -> None:
    async with api.post("/api/v1/titles", data="a=b", headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415


async def test_the_errors_carry_the_request_id(api: Client) -> None:
    async with api.get("/nothing/here", headers={"X-Request-ID": "quote-me-1234"}) as response:
        assert response.status == 404
        assert response.headers["X-Request-ID"] == "quote-me-1234"
        assert (await response.json())["request_id"] == "quote-me-1234"
    async with api.get("/health/live", headers={"X-Request-ID": "bad id with spaces"}) as response:
        assert response.headers["X-Request-ID"] != "bad id with spaces"


async def test_a_method_that_is_not_there_is_405_with_the_others(api: Client) -> None:
    async with api.delete("/api/v1/titles") as response:
        assert response.status == 405
        assert set(response.headers["Allow"].split(",")) >= {"GET", "POST"}


async def test_only_the_frontend_may_call_from_a_browser(api: Client) -> None:
    ask = {"Access-Control-Request-Method": "PUT"}
    async with api.options("/api/v1/titles", headers=ask | {"Origin": "https://mozi.example"}) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://mozi.example"
        assert "PUT" in response.headers["Access-Control-Allow-Methods"]
    async with api.options("/api/v1/titles", headers=ask | {"Origin": "https://evil.example"}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
    async with api.get("/api/v1/titles", headers={"Origin": "https://evil.example"}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_body_beyond_the_limit_is_cut_off(api: Client) -> None:
    async with api.post("/api/v1/echo", data=b"x" * 1_048_576) as response:
        assert (await response.json())["bytes"] == 1_048_576
    async with api.post("/api/v1/echo", data=io.BytesIO(b"x" * 1_048_577)) as response:
        assert response.status == 413
