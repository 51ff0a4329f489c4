"""Changing the catalogue without signing in: only where that is allowed, and never as somebody."""

from __future__ import annotations

from tests.server.support import TITLE, Client, StartInstance


async def anonymous(start_instance: StartInstance, **changes: str) -> Client:
    client: Client = await start_instance(**changes)
    del client.session.headers["Authorization"]
    return client


async def test_by_default_who_changes_the_catalogue_must_sign_in(start_instance: StartInstance) -> None:
    client = await anonymous(start_instance)
    for method, path in (("POST", "/api/v1/titles"), ("PUT", "/api/v1/titles/1"), ("DELETE", "/api/v1/titles/1")):
        async with client.request(method, path, json=TITLE) as response:
            assert response.status == 401


async def test_with_guest_writes_everybody_may_change_everything(start_instance: StartInstance) -> None:
    client = await anonymous(start_instance, GUEST_WRITES="on")
    async with client.post("/api/v1/titles", json=TITLE) as response:
        assert response.status == 201
        path = response.headers["Location"]
    async with client.patch(path, json={"year": 2001}) as response:
        assert (await response.json())["year"] == 2001
    async with client.delete(path) as response:
        assert response.status == 204


async def test_nobody_can_sign_in_as_the_guest(start_instance: StartInstance) -> None:
    client = await anonymous(start_instance, GUEST_WRITES="on")
    for email in ("guest", "guest@localhost"):
        async with client.post("/api/v1/auth/login", json={"email": email, "password": "none"}) as response:
            assert response.status in (400, 401, 422)
