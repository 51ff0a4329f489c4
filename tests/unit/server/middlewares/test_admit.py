from __future__ import annotations

import math

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from server.app import create_app
from server.context import Context
from server.keys import TOKENS
from server.middlewares.admit import make_admit
from server.openapi import build
from server.problems import Problem
from server.settings import load_settings

SECRETS = {"JWT_ACCESS_SECRET": "k9" * 20 + "unit-A", "JWT_REFRESH_SECRET": "k9" * 20 + "unit-R"}
IGNORED = [
    *(("POST", f"/api/v1/auth/{name}") for name in ("register", "login", "refresh", "logout")),
    *(("GET", path) for path in ("/dashboard", "/dashboard/login", "/dashboard/events")),
    *(("POST", path) for path in ("/dashboard/login", "/dashboard/logout")),
]
LOOKED_AT = [
    ("GET", "/api/v1/titles"),
    ("GET", "/api/v1/titles/7"),
    ("POST", "/api/v1/titles"),
    ("GET", "/api/v1/me"),
    ("POST", "/api/v1/auth/logout-all"),
    ("GET", "/api/v1/fleet"),
]
HEADERS = ["Bearer e30.e30.bad", "Bearer ", "Basic dXNlcjpwYXNz", "nonsense"]


@pytest.fixture
def app() -> web.Application:
    return create_app(load_settings({"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d", "APP_ENV": "test"} | SECRETS))


async def admit(app: web.Application, method: str, path: str, authorization: str) -> Context:
    request = make_mocked_request(method, path, {"Authorization": authorization}, app=app)
    request._match_info = await app.router.resolve(request)
    context = Context("r")
    await make_admit(app)(request, context)
    return context


@pytest.mark.parametrize("authorization", HEADERS)
@pytest.mark.parametrize(("method", "path"), IGNORED)
async def test_where_no_token_is_needed_none_is_looked_at(
    app: web.Application, method: str, path: str, authorization: str
) -> None:
    context = await admit(app, method, path, authorization)
    assert context.user is None
    assert context.verdict is not None


@pytest.mark.parametrize("authorization", HEADERS)
@pytest.mark.parametrize(("method", "path"), LOOKED_AT)
async def test_elsewhere_a_token_that_is_not_valid_is_refused(
    app: web.Application, method: str, path: str, authorization: str
) -> None:
    with pytest.raises(Problem) as raised:
        await admit(app, method, path, authorization)
    assert raised.value.status == 401


async def test_a_valid_token_counts_for_its_user(app: web.Application) -> None:
    context = await admit(app, "GET", "/api/v1/titles", f"Bearer {app[TOKENS].access(7, 'user')}")
    assert context.user is not None
    assert context.user.id == 7
    assert context.user.expires < math.inf


def test_the_description_says_the_same() -> None:
    paths = build("v1")["paths"]
    for method, path in IGNORED[:4]:
        assert paths[path][method.lower()]["security"] == []
    for method, path in LOOKED_AT:
        assert paths[path.replace("/7", "/{id}")][method.lower()]["security"] != []
