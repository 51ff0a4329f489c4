"""Refresh tokens in PostgreSQL: hashed, rotated in one statement, and grouped in families.

If an already rotated token is used again, two parties have it, so the whole family is revoked. Within a grace period of
10 seconds it is a client that refreshed twice at the same time, and both requests get the same token.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass

from server.auth.accounts import Proven
from server.auth.authority import end_authority, lock_account
from server.auth.tokens import ACCESS_SECONDS, REFRESH_SECONDS, RefreshClaims, TokenRefused, Tokens
from server.postgres import Database

_GRACE_SECONDS = 10

# FOR SHARE: a revocation waits for tokens that are being issued, and then sees them.
_ISSUE = """
WITH account AS (
    SELECT id, role FROM users WHERE id = %s AND authority = %s FOR SHARE
), added AS (
    INSERT INTO refresh_tokens (hash, family, user_id, issued_at, expires_at)
    SELECT %s, %s, id, date_trunc('second', now()), now() + make_interval(secs => %s) FROM account
    RETURNING issued_at
)
SELECT extract(epoch FROM added.issued_at)::bigint, account.role FROM added, account
"""
_ROTATE = """
WITH account AS (
    SELECT id, role, authority FROM users WHERE id = %s FOR SHARE
), used AS (
    UPDATE refresh_tokens SET rotated_at = now()
    WHERE hash = %s AND user_id = (SELECT id FROM account)
      AND rotated_at IS NULL AND revoked_at IS NULL AND expires_at > now()
    RETURNING family, user_id
), added AS (
    INSERT INTO refresh_tokens (hash, family, user_id, issued_at, expires_at)
    SELECT %s, family, user_id, date_trunc('second', now()), now() + make_interval(secs => %s) FROM used
    RETURNING issued_at
)
SELECT extract(epoch FROM added.issued_at)::bigint, account.role, account.authority FROM added, account
"""
_REPEAT = """
SELECT extract(epoch FROM next.issued_at)::bigint, users.role, users.authority
FROM refresh_tokens AS used
JOIN refresh_tokens AS next ON next.hash = %s AND next.family = used.family
JOIN users ON users.id = used.user_id
WHERE used.hash = %s AND used.rotated_at > now() - make_interval(secs => %s)
  AND used.revoked_at IS NULL AND next.revoked_at IS NULL
"""
_REVOKE_FAMILY = """
UPDATE refresh_tokens SET revoked_at = now()
WHERE family = (SELECT family FROM refresh_tokens WHERE hash = %s) AND revoked_at IS NULL
"""
_FORGET = "DELETE FROM refresh_tokens WHERE user_id = %s AND expires_at < now()"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The tokens for a client. expires_in: seconds until the access token expires."""

    access_token: str
    refresh_token: str
    expires_in: int = ACCESS_SECONDS
    token_type: str = "Bearer"  # noqa: S105 -- the scheme's name


class Sessions:
    """Begins, continues and ends sign-ins. Every method raises DatabaseError."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens

    async def begin(self, who: Proven) -> TokenPair:
        """A new family for a verified user. Raises TokenRefused if the account has changed since then."""
        token_id = secrets.token_hex(32)
        await self._database.fetch_all(_FORGET, (who.id,))
        parameters = (who.id, who.authority, _hash(token_id), str(uuid.uuid4()), REFRESH_SECONDS)
        row = await self._database.fetch_one(_ISSUE, parameters)
        if row is None:
            raise TokenRefused("the account has changed")
        return self._pair(who.id, row[1], who.authority, token_id, row[0])

    async def rotate(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for a new pair. Raises TokenRefused; revokes the family on misuse."""
        claims = self._tokens.verify_refresh(refresh_token)
        used, following = claims.token_id, self._tokens.successor(claims.token_id)
        row = await self._database.fetch_one(_ROTATE, (claims.user_id, _hash(used), _hash(following), REFRESH_SECONDS))
        if row is None:
            row = await self._database.fetch_one(_REPEAT, (_hash(following), _hash(used), _GRACE_SECONDS))
        if row is None:
            await self._end_family(claims)
            raise TokenRefused("used before, revoked or expired")
        return self._pair(claims.user_id, row[1], row[2], following, row[0])

    async def end(self, refresh_token: str) -> None:
        """Sign out: revoke the whole family of the token. Raises TokenRefused."""
        await self._end_family(self._tokens.verify_refresh(refresh_token))

    async def end_all(self, user_id: int) -> None:
        """Sign out everywhere: refresh tokens and sessions of the dashboard at once, access tokens within a second."""
        async with self._database.transaction() as session:
            await end_authority(session, user_id)

    async def _end_family(self, claims: RefreshClaims) -> None:
        async with self._database.transaction() as session:
            await lock_account(session, claims.user_id)
            await session.run(_REVOKE_FAMILY, (_hash(claims.token_id),))

    def _pair(self, user_id: int, role: str, authority: int, token_id: str, issued: int) -> TokenPair:
        access = self._tokens.access(user_id, role, authority)
        return TokenPair(access, self._tokens.refresh(user_id, token_id, issued))


def _hash(token_id: str) -> bytes:
    # The id has 256 random bits and cannot be guessed, so a plain hash is enough.
    return hashlib.sha256(token_id.encode()).digest()
