"""Authentication and rate limit in one step, because the limit depends on the user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from server.auth.tokens import TokenRefused
from server.context import Context
from server.keys import AUTHORITY, CLIENT_ADDRESS, LIMITER, TOKENS
from server.limits import policy_of
from server.problems import Problem

Admit = Callable[[web.Request, Context], Awaitable[None]]


def make_admit(app: web.Application) -> Admit:
    """The step for one application."""
    tokens, limiter, addresses, authority = app[TOKENS], app[LIMITER], app[CLIENT_ADDRESS], app[AUTHORITY]

    async def admit(request: web.Request, context: Context) -> None:
        """Verify a bearer token if there is one, and count the request by user, otherwise by address.

        A route with its own limit ignores tokens: a client that refreshes with an expired access token must not be
        refused.
        """
        headers = request.headers
        policy = policy_of(request.match_info.handler)
        refused = False
        given = headers.get(hdrs.AUTHORIZATION) if policy is None else None
        if given is not None:
            try:
                user = tokens.verify_access(_bearer(given))
                refused = authority.has_ended(user)
                context.user = None if refused else user
            except TokenRefused:
                refused = True
        if context.user is not None:
            context.verdict = await limiter.check("user", str(context.user.id))
        else:
            address = addresses.of(request.remote, headers.get(hdrs.X_FORWARDED_FOR))
            context.verdict = await limiter.check(policy or "address", address)
        if refused:
            raise Problem(
                401,
                "The access token is not valid or has expired.",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )

    return admit


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenRefused("not a bearer token")
    return token
