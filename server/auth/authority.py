"""Revocation: a new role, a new password or a sign-out everywhere invalidates all tokens and sessions of the account.

PostgreSQL stores a count of revocations per account. Refresh tokens are revoked in the same transaction, and dashboard
sessions are compared with the count at each request. Access tokens are verified without a query, so each instance
fetches changed counts once per second, and refuses older tokens of these accounts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from server.auth.tokens import ACCESS_SECONDS, User
from server.database_errors import DatabaseError, StatementFailed
from server.database_session import Session
from server.postgres import Database

_POLL_SECONDS = 1.0
# A change becomes visible when its transaction ends. A transaction that started later may end earlier.
_OVERLAP_SECONDS = 30
_REMEMBERED_SECONDS = ACCESS_SECONDS + 60

_LOCK = "SELECT 1 FROM users WHERE id = %s FOR NO KEY UPDATE"
_COUNT = "UPDATE users SET authority = authority + 1, authority_ended_at = clock_timestamp() WHERE id = %s"
_REVOKE_USER = "UPDATE refresh_tokens SET revoked_at = now() WHERE user_id = %s AND revoked_at IS NULL"
_ENDED = """
SELECT id, authority, extract(epoch FROM authority_ended_at)::float8 FROM users
WHERE authority_ended_at > coalesce(to_timestamp(%s), now() - make_interval(secs => %s))
"""
_CURRENT = "SELECT role, authority FROM users WHERE id = %s"


async def lock_account(session: Session, user_id: int) -> None:
    """Prevent new tokens for this account until the end of the transaction. Raises DatabaseError."""
    await session.run(_LOCK, (user_id,))


async def end_authority(session: Session, user_id: int) -> None:
    """Inside a transaction: invalidate every token and session of the account. Raises DatabaseError."""
    await session.run(_COUNT, (user_id,))
    # A separate statement: after the lock on the account, it sees tokens that were issued while it waited.
    await session.run(_REVOKE_USER, (user_id,))


class Authority:
    """The revocations that this instance knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[int, int] = {}
        self._forget_at: dict[int, float] = {}
        self._since: float | None = None

    def has_ended(self, user: User) -> bool:
        """Whether the token was issued before a known revocation."""
        return bool(self._counts) and self._counts.get(user.id, 0) > user.authority

    async def holds(self, user: User) -> bool:
        """Whether the account still has this role and count in PostgreSQL.

        While PostgreSQL is unreachable, the known revocations apply, because no new ones are possible.
        """
        try:
            row = await self._database.fetch_one(_CURRENT, (user.id,), read=True)
        except DatabaseError:
            return not self.has_ended(user)
        return row == (user.role, user.authority)

    async def keep_fetching(self) -> None:
        """Fetch revocations, endlessly."""
        while True:
            # The tables may not exist yet.
            with contextlib.suppress(DatabaseError, StatementFailed):
                await self.fetch()
            await asyncio.sleep(_POLL_SECONDS)

    async def fetch(self) -> None:
        """Fetch the revocations since the last call. Raises DatabaseError, StatementFailed."""
        now = time.monotonic()
        for user_id, count, ended in await self._database.fetch_all(
            _ENDED, (self._since, _REMEMBERED_SECONDS), read=True
        ):
            self._counts[user_id] = count
            self._forget_at[user_id] = now + _REMEMBERED_SECONDS
            self._since = max(self._since or 0.0, ended - _OVERLAP_SECONDS)
        for user_id in [user_id for user_id, forget_at in self._forget_at.items() if forget_at <= now]:
            del self._counts[user_id], self._forget_at[user_id]
