"""/api/v1/auth: register, sign in, refresh, sign out; and /api/v1/me."""

from __future__ import annotations

from aiohttp import web

from server.auth.access import require_user
from server.auth.accounts import Proven
from server.auth.credentials import Credentials, RefreshRequest, SignIn
from server.auth.sessions import TokenPair
from server.auth.sign_in import sign_in
from server.auth.tokens import TokenRefused
from server.keys import ACCOUNTS, SESSIONS
from server.limits import limited
from server.payloads import read_json
from server.problems import Problem
from server.responses import fresh_json

routes = web.RouteTableDef()

_LIMIT = 8192


@routes.post("/api/v1/auth/register")
@limited("register")
async def register(request: web.Request) -> web.Response:
    """A new account, signed in: 201 with tokens, 409 if the address is taken."""
    given = await read_json(request, Credentials, limit=_LIMIT)
    account = await request.app[ACCOUNTS].register(given.email, given.password)
    return _tokens(await request.app[SESSIONS].begin(Proven(account.id, account.role, 0)), 201)


@routes.post("/api/v1/auth/login")
@limited("login")
async def login(request: web.Request) -> web.Response:
    """Tokens for the correct password; 401 for a wrong password and for an unknown address."""
    given = await read_json(request, SignIn, limit=_LIMIT)
    who = await sign_in(request.app, given.email, given.password)
    try:
        if who is not None:
            return _tokens(await request.app[SESSIONS].begin(who))
    except TokenRefused:
        # The password was changed a moment later.
        pass
    raise Problem(401, "The address or the password is wrong.")


@routes.post("/api/v1/auth/refresh")
@limited("refresh")
async def refresh(request: web.Request) -> web.Response:
    """A new pair of tokens; a refresh token is valid for one exchange."""
    given = await read_json(request, RefreshRequest, limit=_LIMIT)
    try:
        return _tokens(await request.app[SESSIONS].rotate(given.refresh_token))
    except TokenRefused:
        raise Problem(401, "The refresh token is not valid. Sign in again.") from None


@routes.post("/api/v1/auth/logout")
@limited("refresh")
async def logout(request: web.Request) -> web.Response:
    """End this sign-in and revoke its refresh tokens."""
    given = await read_json(request, RefreshRequest, limit=_LIMIT)
    try:
        await request.app[SESSIONS].end(given.refresh_token)
    except TokenRefused:
        raise Problem(401, "The refresh token is not valid.") from None
    return web.Response(status=204)


@routes.post("/api/v1/auth/logout-all")
async def logout_all(request: web.Request) -> web.Response:
    """End all sign-ins of the user, also to the dashboard; access tokens end within a second."""
    await request.app[SESSIONS].end_all(require_user(request).id)
    return web.Response(status=204)


@routes.get("/api/v1/me")
async def me(request: web.Request) -> web.Response:
    """The account of the token."""
    account = await request.app[ACCOUNTS].find(require_user(request).id)
    if account is None:
        raise Problem(401, "This account was removed.", headers={"WWW-Authenticate": "Bearer"})
    return fresh_json(account)


def _tokens(pair: TokenPair, status: int = 200) -> web.Response:
    return fresh_json(pair, status)
