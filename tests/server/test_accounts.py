from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import psycopg2

from tests.server.support import Client, StartInstance

PROJECT = Path(__file__).parents[2]
SOMEBODY = {"email": "Anna@mozi.example", "password": "correct horse"}


async def post(client: Client, path: str, body: Any, status: int = 200, token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client.session.post(client.make_url(f"/api/v1/auth/{path}"), json=body, headers=headers) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json() if response.content_type == "application/json" else {}
        return answer


async def me(client: Client, token: str) -> tuple[int, dict[str, Any]]:
    async with client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status, await response.json()


async def test_register_sign_in_and_see_oneself(api: Client) -> None:
    registered = await post(api, "register", SOMEBODY, 201)
    assert registered["expires_in"] == 900
    signed_in = await post(api, "login", SOMEBODY | {"email": "anna@MOZI.example"})
    for tokens in (registered, signed_in):
        status, account = await me(api, tokens["access_token"])
        assert (status, account["email"], account["role"]) == (200, "Anna@mozi.example", "user")
    await post(api, "register", SOMEBODY | {"email": "anna@mozi.example"}, 409)


async def test_a_wrong_password_and_an_unknown_address_look_alike(api: Client) -> None:
    await post(api, "register", SOMEBODY, 201)
    answers = []
    for wrong in (SOMEBODY | {"password": "wrong horse"}, SOMEBODY | {"email": "nobody@mozi.example"}):
        async with api.post("/api/v1/auth/login", json=wrong) as response:
            answers.append((response.status, (await response.json())["detail"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_what_cannot_be_an_account_is_refused(api: Client) -> None:
    for email in ("", "x", "a b@c.de", "a@b", "a@b.c\0", "x" * 250 + "@b.de"):
        await post(api, "register", SOMEBODY | {"email": email}, 422)
    for password in ("", "short", "x" * 129, "with\0nul-inside"):
        await post(api, "register", SOMEBODY | {"password": password}, 422)
    await post(api, "login", {"email": "a\0@b.de", "password": "\0" * 10}, 401)


async def test_a_refresh_token_is_good_for_one_exchange(start_instance: StartInstance) -> None:
    first, second = await start_instance(), await start_instance()
    tokens = await post(first, "register", SOMEBODY, 201)
    after = await post(second, "refresh", {"refresh_token": tokens["refresh_token"]})
    assert after["refresh_token"] != tokens["refresh_token"]
    assert (await me(first, after["access_token"]))[0] == 200
    assert await post(first, "refresh", {"refresh_token": after["refresh_token"]})


async def test_two_refreshes_at_once_get_the_same_token(start_instance: StartInstance) -> None:
    clients = [await start_instance() for _ in range(2)]
    tokens = await post(clients[0], "register", SOMEBODY, 201)
    body = {"refresh_token": tokens["refresh_token"]}
    answers = await asyncio.gather(*(post(client, "refresh", body) for client in clients * 3))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    await post(clients[0], "refresh", {"refresh_token": answers[0]["refresh_token"]})


async def test_a_stolen_refresh_token_ends_the_whole_family(api: Client, database_url: str) -> None:
    tokens = await post(api, "register", SOMEBODY, 201)
    old = {"refresh_token": tokens["refresh_token"]}
    current = {"refresh_token": (await post(api, "refresh", old))["refresh_token"]}
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'")
    connection.close()
    await post(api, "refresh", old, 401)
    await post(api, "refresh", current, 401)
    await post(api, "login", SOMEBODY)


async def test_signing_out_ends_one_or_all_sign_ins(api: Client) -> None:
    one = await post(api, "register", SOMEBODY, 201)
    two, three = await post(api, "login", SOMEBODY), await post(api, "login", SOMEBODY)
    await post(api, "logout", {"refresh_token": one["refresh_token"]}, 204)
    await post(api, "refresh", {"refresh_token": one["refresh_token"]}, 401)
    two = await post(api, "refresh", {"refresh_token": two["refresh_token"]})
    await post(api, "logout-all", {}, 204, token=two["access_token"])
    for tokens in (two, three):
        await post(api, "refresh", {"refresh_token": tokens["refresh_token"]}, 401)


async def test_a_secret_can_be_replaced_without_logging_anybody_out(start_instance: StartInstance) -> None:
    secrets = {name: (f"{name}-old" + "x7" * 20, f"{name}-new" + "y8" * 20) for name in ("ACCESS", "REFRESH")}
    old = await start_instance(**{f"JWT_{name}_SECRET": pair[0] for name, pair in secrets.items()})
    both = await start_instance(**{f"JWT_{name}_SECRET": f"{pair[1]},{pair[0]}" for name, pair in secrets.items()})
    tokens = await post(old, "register", SOMEBODY, 201)
    assert (await me(both, tokens["access_token"]))[0] == 200
    renewed = await post(both, "refresh", {"refresh_token": tokens["refresh_token"]})
    assert (await me(both, renewed["access_token"]))[0] == 200
    assert (await me(old, renewed["access_token"]))[0] == 401


async def test_only_the_creator_and_administrators_change_a_title(api: Client) -> None:
    creator, other = [
        (await post(api, "register", SOMEBODY | {"email": f"{name}@mozi.example"}, 201))["access_token"]
        for name in ("creator", "other")
    ]
    title = {"title": "Mine", "year": 2000}
    async with api.post("/api/v1/titles", json=title, headers={"Authorization": f"Bearer {creator}"}) as response:
        path = response.headers["Location"]
    for token, status in ((other, 403), (creator, 200)):
        async with api.patch(path, json={"year": 2001}, headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == status
    async with api.delete(path) as response:
        assert response.status == 204


async def test_without_a_token_nothing_can_be_written(api: Client) -> None:
    del api.session.headers["Authorization"]
    async with api.post("/api/v1/titles", json={"title": "a", "year": 2000}) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
    async with api.get("/api/v1/titles") as response:
        assert response.status == 200


async def test_the_first_administrator_is_made_by_a_command(api: Client, environment: dict[str, str]) -> None:
    async def make(email: str, password: str) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "admin", email),
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"]} | environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await process.communicate(f"{password}\n".encode())
        return process.returncode or 0

    assert await make("boss@mozi.example", "short") == 1
    assert await make("boss@mozi.example", "long enough") == 0
    tokens = await post(api, "login", {"email": "boss@mozi.example", "password": "long enough"})
    assert (await me(api, tokens["access_token"]))[1]["role"] == "admin"


async def test_a_storm_of_sign_ins_does_not_stall_the_rest(api: Client) -> None:
    async def login(number: int) -> int:
        async with api.post("/api/v1/auth/login", json={"email": f"{number}@x.yz", "password": "p" * 10}) as response:
            return response.status

    storm = [asyncio.create_task(login(number)) for number in range(80)]
    await asyncio.sleep(0)
    async with api.get("/health/live") as response:
        assert response.status == 200
        assert not all(task.done() for task in storm)
    statuses = set(await asyncio.gather(*storm))
    assert statuses == {401, 503}
