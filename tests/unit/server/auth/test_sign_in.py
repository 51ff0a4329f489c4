from __future__ import annotations

import pytest
from aiohttp import web

from server.auth.accounts import Accounts
from server.auth.sign_in import sign_in
from server.cache import RedisLink
from server.keys import ACCOUNTS, LIMITER
from server.limits import Limiter
from server.parsers import Limit
from server.problems import Problem


class NobodyKnown(Accounts):
    """Keeps what it was asked; knows nobody."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def authenticate(self, email: str, password: str) -> None:
        self.asked.append(email)


@pytest.fixture
def app() -> web.Application:
    app = web.Application()
    app[ACCOUNTS] = NobodyKnown()
    app[LIMITER] = Limiter(RedisLink(None, client_name="test"), {"login": Limit(3, 60)})
    return app


@pytest.mark.parametrize(
    "spellings",
    [
        ["ada@mozi.example"] * 4,
        ["ada@mozi.example", "ADA@mozi.example", "Ada@Mozi.Example", "adA@mozi.example"],
        ["ada@mozi.example", "ada@mozi.example\0", "\0ada@mozi.example", "a\0da@mozi.example"],
    ],
)
async def test_one_account_is_counted_once_however_it_is_spelled(app: web.Application, spellings: list[str]) -> None:
    for spelling in spellings[:3]:
        assert await sign_in(app, spelling, "wrong") is None
    with pytest.raises(Problem) as raised:
        await sign_in(app, spellings[3], "wrong")
    assert raised.value.status == 429
    accounts = app[ACCOUNTS]
    assert isinstance(accounts, NobodyKnown)
    assert len(accounts.asked) == 3
    assert await sign_in(app, "other@mozi.example", "wrong") is None
