from __future__ import annotations

import pytest
from aiohttp import web

from server.auth.accounts import Accounts, Proven, Stored
from server.auth.emails import normal_email
from server.auth.sign_in import sign_in
from server.cache import RedisLink
from server.keys import ACCOUNTS, LIMITER
from server.limits import Limiter
from server.parsers import Limit
from server.problems import Problem

ADA = Stored(7, "user", 0, "hash")


class OnlyAda(Accounts):
    """Knows one account, by the spelling that PostgreSQL compares; keeps which passwords were tried."""

    def __init__(self) -> None:
        self.tried: list[Stored | None] = []

    async def named(self, email: str) -> Stored | None:
        # PostgreSQL makes i of the dotted capital; Python makes two characters of it.
        address = (normal_email(email) or "").replace("\u0130", "i").lower()
        return ADA if address == "ada.king@mozi.example" else None

    async def prove(self, stored: Stored | None, password: str) -> Proven | None:
        self.tried.append(stored)
        return None


@pytest.fixture
def app() -> web.Application:
    app = web.Application()
    app[ACCOUNTS] = OnlyAda()
    app[LIMITER] = Limiter(RedisLink(None, client_name="test"), {"login": Limit(3, 60)})
    return app


@pytest.mark.parametrize(
    "spellings",
    [
        ["ada.king@mozi.example"] * 4,
        ["ada.king@mozi.example", "ADA.king@mozi.example", "Ada.King@Mozi.Example", "adA.king@mozi.example"],
        ["ada.king@mozi.example", "ada.\u212aing@mozi.example", "ada.K\u0130ng@mozi.example", "ADA.King@mozi.example"],
        ["eve@mozi.example", "Eve@mozi.example", "\uff45ve@mozi.example", "EVE@mozi.example"],
    ],
    ids=["same", "case", "Kelvin and dotted I", "nobody"],
)
async def test_one_account_is_counted_once_however_it_is_spelled(app: web.Application, spellings: list[str]) -> None:
    for spelling in spellings[:3]:
        assert await sign_in(app, spelling, "wrong") is None
    with pytest.raises(Problem) as raised:
        await sign_in(app, spellings[3], "wrong")
    assert raised.value.status == 429
    accounts = app[ACCOUNTS]
    assert isinstance(accounts, OnlyAda)
    assert len(accounts.tried) == 3
    assert len(set(accounts.tried)) == 1
    assert await sign_in(app, "other@mozi.example", "wrong") is None


async def test_an_address_with_a_nul_is_nobodys(app: web.Application) -> None:
    accounts = app[ACCOUNTS]
    assert isinstance(accounts, OnlyAda)
    for spelling in ("ada.king@mozi.example\0", "ada\0.king@mozi.example", "ada.king@mozi.example\udcff"):
        assert await sign_in(app, spelling, "wrong") is None
    assert accounts.tried == [None] * 3
