from __future__ import annotations

from tests.server.support import TITLE, Client, create_title


async def test_a_title_can_be_created_read_changed_and_deleted(api: Client) -> None:
    created = await create_title(api)
    path = f"/api/v1/titles/{created['id']}"
    assert created["title"] == "Silent River"
    assert created["version"] == 1

    async with api.get(path) as response:
        assert response.status == 200
        assert await response.json() == created

    async with api.patch(path, json={"year": 2001}) as response:
        assert (await response.json())["year"] == 2001
    async with api.put(path, json={"title": "Loud River", "year": 2002}) as response:
        replaced = await response.json()
        assert (replaced["title"], replaced["director"], replaced["version"]) == ("Loud River", None, 3)
    async with api.get(path) as response:
        assert await response.json() == replaced

    async with api.delete(path) as response:
        assert response.status == 204
    for method in ("GET", "DELETE"):
        async with api.request(method, path) as response:
            assert response.status == 404
            assert response.content_type == "application/problem+json"


async def test_creating_tells_where_the_title_is(api: Client) -> None:
    async with api.post("/api/v1/titles", json=TITLE) as response:
        location = response.headers["Location"]
    async with api.get(location) as response:
        assert (await response.json())["title"] == TITLE["title"]


async def test_lists_are_paged_and_counted(api: Client) -> None:
    for number in range(5):
        await create_title(api, title=f"Film {number}")
    async with api.get("/api/v1/titles", params={"limit": "2", "offset": "2"}) as response:
        page = await response.json()
    assert [item["title"] for item in page["items"]] == ["Film 2", "Film 3"]
    assert page["total"] == 5

    async with api.get("/api/v1/titles", params={"offset": "50"}) as response:
        assert await response.json() == {"items": [], "total": 5, "limit": 20, "offset": 50, "next_cursor": None}


async def test_search_finds_beginnings_of_words_in_title_and_director(api: Client) -> None:
    await create_title(api, title="The Golden Orchard", director="Jean Moreau", genres=["crime"], year=1980)
    await create_title(api, title="Orchestra", director="Anna Nagy", genres=["drama"], year=1990)

    async def found(**query: str) -> list[str]:
        async with api.get("/api/v1/titles", params=query) as response:
            assert response.status == 200, await response.text()
            return [item["title"] for item in (await response.json())["items"]]

    assert await found(q="orch") == ["The Golden Orchard", "Orchestra"]
    assert await found(q="orch gold") == ["The Golden Orchard"]
    assert await found(q="nagy") == ["Orchestra"]
    assert await found(q="orch", genre="crime") == ["The Golden Orchard"]
    assert await found(year="1990") == ["Orchestra"]
    assert await found(q="' & | ! :* \\") == []
    assert await found(q="it's (a) trap:*") == []


async def test_a_new_title_appears_in_lists_that_were_read_before(api: Client) -> None:
    async with api.get("/api/v1/titles") as response:
        assert (await response.json())["total"] == 0
    await create_title(api)
    async with api.get("/api/v1/titles") as response:
        assert (await response.json())["total"] == 1
