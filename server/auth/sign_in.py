"""The password check for all pages and routes."""

from __future__ import annotations

import hashlib
import unicodedata

from aiohttp import web

from server.auth.accounts import Proven
from server.keys import ACCOUNTS, LIMITER


async def sign_in(app: web.Application, email: str, password: str) -> Proven | None:
    """The account if the password is correct, else None. Raises Problem 429 (too many attempts), 503, DatabaseError."""
    stored = await app[ACCOUNTS].named(email)
    # Also limited by account: many clients may try one password each, and an address has several spellings.
    await app[LIMITER].check("login", f"account:{stored.id}" if stored else f"nobody:{_digest(email)}")
    return await app[ACCOUNTS].prove(stored, password)


def _digest(email: str) -> str:
    # A hash, because Redis need not know who signs in.
    spelling = unicodedata.normalize("NFKC", email).casefold()
    return hashlib.sha256(spelling.encode(errors="replace")).hexdigest()[:24]
