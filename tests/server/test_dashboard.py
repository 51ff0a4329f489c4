from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from yarl import URL

from server.keys import ACCOUNTS
from tests.server.support import Client, StartInstance

BOSS = {"email": "boss@mozi.example", "password": "a long password"}


@pytest.fixture
async def browser(start_instance: StartInstance) -> Client:
    """A client with cookies and without a token, and an administrator to sign in as."""
    client: Client = await start_instance(INSTANCE_ID="shown-here", RELEASE="v<1>")
    del client.session.headers["Authorization"]
    app = client.app
    assert app is not None
    await app[ACCOUNTS].make_admin(BOSS["email"], BOSS["password"])
    return client


async def form(client: Client, path: str = "/dashboard/login") -> str:
    async with client.get(path) as response:
        assert response.status == 200
        match = re.search(r'name="token" value="([^"]+)"', await response.text())
        assert match
        return match[1]


async def sign_in(client: Client, **changes: str) -> tuple[int, Any]:
    fields = BOSS | {"token": await form(client)} | changes
    async with client.post("/dashboard/login", data=fields, allow_redirects=False) as response:
        return response.status, response.cookies


async def test_the_fleet_is_shown_after_signing_in(browser: Client) -> None:
    async with browser.get("/dashboard", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/dashboard/login")
    status, cookies = await sign_in(browser)
    assert status == 303
    assert cookies["videa_session"]["httponly"]
    assert cookies["videa_session"]["samesite"] == "Strict"
    async with browser.get("/dashboard") as response:
        text = await response.text()
        assert "shown-here" in text
        assert "v&lt;1&gt;" in text
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert "http://" not in text
        assert "https://" not in text
    async with browser.get("/dashboard/events") as response:
        assert response.content_type == "text/event-stream"
        async with asyncio.timeout(15):
            async for line in response.content:
                if line.startswith(b"data: "):
                    break
        assert json.loads(line[6:])["rows"][0]["Instance"][0] == "shown-here"


async def test_a_wrong_password_or_another_role_is_refused(browser: Client) -> None:
    assert (await sign_in(browser, password="wrong"))[0] == 401
    body = {"email": "anna@mozi.example", "password": "a long password"}
    async with browser.post("/api/v1/auth/register", json=body) as response:
        assert response.status == 201
    assert (await sign_in(browser, email="anna@mozi.example"))[0] == 401
    async with browser.get("/dashboard/events") as response:
        assert response.status == 401


async def test_forged_forms_are_refused(browser: Client) -> None:
    assert (await sign_in(browser, token="x"))[0] == 403
    assert (await sign_in(browser, token=""))[0] == 403
    fields = BOSS | {"token": await form(browser)}
    async with browser.post("/dashboard/login", data=fields, headers={"Sec-Fetch-Site": "cross-site"}) as response:
        assert response.status == 403


async def test_signing_out_ends_it(browser: Client) -> None:
    await sign_in(browser)
    fields = {"token": await form(browser, "/dashboard")}
    async with browser.post("/dashboard/logout", data=fields, allow_redirects=False) as response:
        assert response.status == 303
    async with browser.get("/dashboard", allow_redirects=False) as response:
        assert response.status == 303


async def test_an_access_token_is_no_session(browser: Client) -> None:
    async with browser.post("/api/v1/auth/login", json=BOSS) as response:
        token = (await response.json())["access_token"]
    browser.session.cookie_jar.update_cookies({"videa_session": token}, URL(str(browser.make_url("/dashboard"))))
    async with browser.get("/dashboard", allow_redirects=False) as response:
        assert response.status == 303


async def test_the_api_is_described_for_people_and_programs(browser: Client) -> None:
    async with browser.get("/api/v1/openapi.json") as response:
        document = await response.json()
    assert document["openapi"] == "3.1.0"
    app = browser.app
    assert app is not None
    served = {
        (resource.canonical, route.method.lower())
        for route in app.router.routes()
        if (resource := route.resource) and resource.canonical.startswith(("/api/", "/health"))
    }
    described = {(path, method) for path, operations in document["paths"].items() for method in operations}
    undescribed = {path for path, method in served - described if method not in ("head", "options")}
    assert undescribed == {"/api/v1/openapi.json", "/api/v1/events", "/health/metrics"}
    assert described <= served
    async with browser.get("/") as response:
        assert response.url.path == "/docs"
        text = await response.text()
        assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "https://" not in text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        async with browser.get(path) as response:
            assert response.status == 200
            assert response.headers["Content-Encoding"] == "gzip"
    assert "/api/v1/titles/{id}" in document["paths"]


async def test_tries_for_one_account_are_counted_whichever_way_they_come(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS="login=4/60", TRUSTED_PROXIES="127.0.0.0/8")
    del client.session.headers["Authorization"]
    tokens = {"token": await form(client)}

    async def page_try(number: int) -> int:
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        fields = tokens | {"email": BOSS["email"].upper(), "password": "wrong"}
        async with client.post("/dashboard/login", data=fields, headers=headers) as response:
            assert response.content_type == "text/html"
            assert (response.status == 429) is ("Retry-After" in response.headers)
            return response.status

    async def api_try(number: int) -> int:
        headers, fields = {"X-Forwarded-For": f"198.51.100.{number}"}, BOSS | {"password": "wrong"}
        async with client.post("/api/v1/auth/login", json=fields, headers=headers) as response:
            return response.status

    assert [await page_try(1), await api_try(2), await page_try(3), await api_try(4)] == [401] * 4
    assert [await page_try(5), await api_try(6)] == [429] * 2


async def test_many_addresses_and_spellings_are_no_more_tries(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS="login=4/60", TRUSTED_PROXIES="127.0.0.0/8")
    del client.session.headers["Authorization"]
    app = client.app
    assert app is not None
    await app[ACCOUNTS].make_admin("kiki@mozi.example", "a long password")
    spellings = ("kiki@mozi.example", "KIKI@mozi.example", "\u212aiki@mozi.example", "k\u0130ki@mozi.example")
    tokens = {"token": await form(client)}
    statuses = []
    for number in range(25):
        fields = tokens | {"email": spellings[number % 4], "password": "wrong"}
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        async with client.post("/dashboard/login", data=fields, headers=headers) as response:
            statuses.append(response.status)
    # The dotted capital is an i for PostgreSQL, or nobody's address: in either case it opens no further door.
    assert statuses.count(401) <= 4 + spellings.count("k\u0130ki@mozi.example") * 4
    assert statuses[:3] == [401] * 3
    assert set(statuses[20:]) == {429}
