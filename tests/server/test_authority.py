"""Authority ends with its reason, on every instance."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import psycopg2
import pytest

from server.auth.accounts import Accounts, Proven
from server.auth.tokens import TokenRefused
from server.keys import ACCOUNTS, AUTHORITY, SESSIONS
from tests.server.support import Client, StartInstance, eventually
from tests.server.test_accounts import PROJECT, me, post
from tests.server.test_dashboard import BOSS, form, sign_in

SOMEBODY = {"email": "anna@mozi.example", "password": "correct horse"}


@pytest.fixture
async def pair(start_instance: StartInstance) -> tuple[Client, Client]:
    """Two instances, and an administrator."""
    clients = await start_instance(), await start_instance()
    for client in clients:
        del client.session.headers["Authorization"]
    await accounts_of(clients[0]).make_admin(BOSS["email"], BOSS["password"])
    return clients


def accounts_of(client: Client) -> Accounts:
    assert client.app is not None
    return client.app[ACCOUNTS]


async def refused(client: Client, tokens: dict[str, Any]) -> bool:
    return (await me(client, tokens["access_token"]))[0] == 401


async def signed_in(client: Client) -> bool:
    async with client.get("/dashboard", allow_redirects=False) as response:
        return response.status == 200


async def test_who_registered_an_address_gets_nothing_of_its_promotion(pair: tuple[Client, Client]) -> None:
    first, second = pair
    squatter = await post(first, "register", SOMEBODY, 201)
    assert await accounts_of(second).make_admin(SOMEBODY["email"], "another password") == "promoted"
    await post(first, "refresh", {"refresh_token": squatter["refresh_token"]}, 401)
    await post(first, "login", SOMEBODY, 401)
    for client in pair:
        await eventually(lambda client=client: refused(client, squatter))
    boss = await post(first, "login", SOMEBODY | {"password": "another password"})
    assert (await me(second, boss["access_token"]))[1]["role"] == "admin"


@pytest.mark.parametrize("end", ["demotion", "password", "everywhere"])
async def test_everything_that_was_given_ends_with_its_reason(pair: tuple[Client, Client], end: str) -> None:
    first, second = pair
    one, two = await post(first, "login", BOSS), await post(second, "login", BOSS)
    two = await post(first, "refresh", {"refresh_token": two["refresh_token"]})
    assert (await sign_in(second))[0] == 303
    assert await signed_in(second)
    if end == "demotion":
        assert await accounts_of(first).demote(BOSS["email"].upper())
    elif end == "password":
        assert await accounts_of(first).set_password(BOSS["email"], "another password")
    else:
        await post(first, "logout-all", {}, 204, token=one["access_token"])
    assert not await signed_in(second)
    for tokens in (one, two):
        await post(second, "refresh", {"refresh_token": tokens["refresh_token"]}, 401)
        for client in pair:
            await eventually(lambda client=client, tokens=tokens: refused(client, tokens))
    password = "another password" if end == "password" else BOSS["password"]
    anew = await post(first, "login", BOSS | {"password": password})
    status, account = await me(second, anew["access_token"])
    assert (status, account["role"]) == (200, "user" if end == "demotion" else "admin")


async def test_a_cookie_is_worth_nothing_after_signing_out(pair: tuple[Client, Client]) -> None:
    first, second = pair
    tokens = await post(first, "login", BOSS)
    await sign_in(second)
    stolen = {cookie.key: cookie.value for cookie in second.session.cookie_jar}
    async with second.get("/dashboard/events") as stream:
        fields = {"token": await form(second, "/dashboard")}
        async with second.post("/dashboard/logout", data=fields, allow_redirects=False) as response:
            assert response.status == 303
        # A page that is open gets no more figures.
        async with asyncio.timeout(15):
            await stream.read()
    for client in pair:
        async with client.get("/dashboard", cookies=stolen, allow_redirects=False) as response:
            assert response.status == 303
    await post(first, "refresh", {"refresh_token": tokens["refresh_token"]}, 401)


async def test_a_password_that_was_right_a_moment_ago_begins_nothing(api: Client) -> None:
    assert api.app is not None
    registered = await api.app[ACCOUNTS].register("anna@mozi.example", "correct horse")
    stored = await api.app[ACCOUNTS].named("anna@mozi.example")
    proven = await api.app[ACCOUNTS].prove(stored, "correct horse")
    assert proven == Proven(registered.id, "user", 0)
    await api.app[ACCOUNTS].set_password("anna@mozi.example", "another password")
    with pytest.raises(TokenRefused):
        await api.app[SESSIONS].begin(proven)


async def test_tokens_that_are_being_given_do_not_outlive_the_end(api: Client, database_url: str) -> None:
    assert api.app is not None
    account = await api.app[ACCOUNTS].register("anna@mozi.example", "correct horse")
    begun = await api.app[SESSIONS].begin(Proven(account.id, "user", 0))
    answers = await asyncio.gather(
        *(api.app[SESSIONS].begin(Proven(account.id, "user", 0)) for _ in range(3)),
        api.app[SESSIONS].rotate(begun.refresh_token),
        api.app[SESSIONS].end_all(account.id),
        *(api.app[SESSIONS].begin(Proven(account.id, "user", 0)) for _ in range(3)),
        return_exceptions=True,
    )
    assert all(not isinstance(answer, Exception) or isinstance(answer, TokenRefused) for answer in answers)
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL AND rotated_at IS NULL")
        assert cursor.fetchone() == (0,)
    connection.close()


async def test_what_has_ended_is_forgotten_when_its_tokens_have_run_out(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.app is not None
    account = await api.app[ACCOUNTS].register("anna@mozi.example", "correct horse")
    tokens = await api.app[SESSIONS].begin(Proven(account.id, "user", 0))
    await api.app[SESSIONS].end_all(account.id)
    await eventually(lambda: refused(api, {"access_token": tokens.access_token}))
    monkeypatch.setattr("server.auth.authority._REMEMBERED_SECONDS", -1)
    monkeypatch.setattr("server.auth.authority._OVERLAP_SECONDS", -1)
    await api.app[AUTHORITY].fetch()
    await api.app[AUTHORITY].fetch()
    assert (await me(api, tokens.access_token))[0] == 200


async def test_the_operator_has_a_command_for_each_end(api: Client, environment: dict[str, str]) -> None:
    async def command(*arguments: str, password: str = "") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", *arguments),
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"]} | environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate(f"{password}\n".encode())
        return process.returncode or 0, (errors or output).decode().splitlines()[-1]

    boss = "boss@mozi.example"
    assert await command("admin", boss, password="long enough") == (0, f"administrator created: {boss}")
    assert await command("admin", "no address", password="long enough") == (1, "Failed: The request is not valid.")
    assert await command("password", boss, password="short") == (1, "The password must have at least 8 characters.")
    assert await command("password", boss, password="long as well") == (0, f"password changed: {boss}")
    assert (await post(api, "login", {"email": boss, "password": "long as well"}))["access_token"]
    assert await command("demote", boss) == (0, f"no longer an administrator: {boss}")
    assert await command("demote", boss) == (1, f"Failed: there is no administrator {boss}")
    assert await command("password", "x@mozi.example", password="long enough") == (
        1,
        "Failed: there is no account x@mozi.example",
    )
