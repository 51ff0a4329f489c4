"""The one way to try a password, whichever page or route it comes from."""

from __future__ import annotations

import hashlib
import unicodedata

from aiohttp import web

from server.auth.accounts import Proven
from server.keys import ACCOUNTS, LIMITER


async def sign_in(app: web.Application, email: str, password: str) -> Proven | None:
    """Who it is if the password is right. Raises Problem 429 for too many tries, 503, and DatabaseError."""
    stored = await app[ACCOUNTS].named(email)
    # Also by account: many addresses may try one password each, and an address can be spelled in many ways.
    await app[LIMITER].check("login", f"account:{stored.id}" if stored else f"nobody:{_digest(email)}")
    return await app[ACCOUNTS].prove(stored, password)


def _digest(email: str) -> str:
    # Redis has no need to know who tries to sign in.
    spelling = unicodedata.normalize("NFKC", email).casefold()
    return hashlib.sha256(spelling.encode(errors="replace")).hexdigest()[:24]
