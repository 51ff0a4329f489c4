"""The one way to try a password, whichever page or route it comes from."""

from __future__ import annotations

import hashlib

from aiohttp import web

from server.auth.accounts import Account
from server.keys import ACCOUNTS, LIMITER


async def sign_in(app: web.Application, email: str, password: str) -> Account | None:
    """The account if the password is right. Raises Problem 429 for too many tries, 503, and DatabaseError."""
    # PostgreSQL cannot compare it, and with it one account would have many names to count under.
    email = email.replace("\0", "")
    # Also by account: many addresses may try one password each.
    await app[LIMITER].check("login", f"account:{_account_key(email)}")
    return await app[ACCOUNTS].authenticate(email, password)


def _account_key(email: str) -> str:
    # Redis has no need to know who tries to sign in.
    return hashlib.sha256(email.lower().encode()).hexdigest()[:24]
