"""What good API clients rely on: entity tags, idempotency keys, cursors."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.support import TITLE, Client, create_title


async def test_an_unchanged_title_costs_no_body(api: Client) -> None:
    path = f"/api/v1/titles/{(await create_title(api))['id']}"
    async with api.get(path) as response:
        tag = response.headers["ETag"]
    for header in (tag, f'"other", W/{tag}', "*"):
        async with api.get(path, headers={"If-None-Match": header}) as response:
            assert (response.status, await response.read()) == (304, b"")
    async with api.patch(path, json={"year": 2005}) as response:
        assert response.headers["ETag"] != tag
    async with api.get(path, headers={"If-None-Match": tag}) as response:
        assert response.status == 200


async def test_if_match_guards_against_lost_changes(api: Client) -> None:
    path = f"/api/v1/titles/{(await create_title(api))['id']}"
    async with api.get(path) as response:
        tag = response.headers["ETag"]
    answers = await asyncio.gather(
        *(api.patch(path, json={"year": year}, headers={"If-Match": tag}) for year in (1990, 1991, 1992))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412]
    for method in ("PUT", "DELETE"):
        async with api.request(method, path, json=TITLE, headers={"If-Match": tag}) as response:
            assert response.status == 412
    async with api.delete(path, headers={"If-Match": "nonsense"}) as response:
        assert response.status == 412
    async with api.delete(path, headers={"If-Match": "*"}) as response:
        assert response.status == 204


async def test_a_create_repeated_with_its_key_happens_once(api: Client) -> None:
    headers = {"Idempotency-Key": "order-1"}

    async def create(**changes: Any) -> tuple[int, Any]:
        async with api.post("/api/v1/titles", json=TITLE | changes, headers=headers) as response:
            return response.status, await response.json()

    answers = await asyncio.gather(*(create() for _ in range(5)))
    assert [status for status, _ in answers] == [201] * 5
    assert len({title["id"] for _, title in answers}) == 1
    assert (await create(year=1950))[0] == 422
    async with api.get("/api/v1/titles") as response:
        assert (await response.json())["total"] == 1
    async with api.post("/api/v1/titles", json=TITLE, headers={"Idempotency-Key": "no spaces"}) as response:
        assert response.status == 400


async def test_a_cursor_walks_the_whole_list_while_it_changes(api: Client) -> None:
    numbers = [(await create_title(api, title=f"Film {number}"))["id"] for number in range(7)]
    seen: list[int] = []
    query: dict[str, str] = {"limit": "3"}
    while True:
        async with api.get("/api/v1/titles", params=query) as response:
            page = await response.json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        if len(seen) == 3:
            async with api.delete(f"/api/v1/titles/{numbers[0]}") as response:
                assert response.status == 204
    assert seen == numbers
    for wrong in ("abc", "aWQ6eA", "!"):
        async with api.get("/api/v1/titles", params={"cursor": wrong}) as response:
            assert response.status == 422


async def test_long_lists_are_compressed_for_clients_that_can(api: Client) -> None:
    for number in range(20):
        await create_title(api, synopsis=f"{number} " + "and so on " * 50)
    async with api.get("/api/v1/titles", headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert len((await response.json())["items"]) == 20
    async with api.get("/api/v1/titles", headers={"Accept-Encoding": "identity"}) as response:
        assert "Content-Encoding" not in response.headers
    async with api.get("/api/v1/titles?limit=1", headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers
