"""Authority ends with its reason: another role, a new password or a sign-out everywhere ends all it gave.

PostgreSQL counts the ends of each account. Refresh tokens are revoked there in the same transaction, and sessions of
the dashboard are compared with the count each time. Access tokens are verified without asking anybody, so each
instance fetches once a second whose count has changed, and refuses their older tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from server.auth.tokens import ACCESS_SECONDS, User
from server.database_errors import DatabaseError, StatementFailed
from server.postgres import Database, Session

_POLL_SECONDS = 1.0
# A change is seen when its transaction ends, which may be later than one that began after it.
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
    """Until the end of the transaction nobody gets tokens for this account. Raises DatabaseError."""
    await session.run(_LOCK, (user_id,))


async def end_authority(session: Session, user_id: int) -> None:
    """Inside a transaction: end every token and session of the account. Raises DatabaseError."""
    await session.run(_COUNT, (user_id,))
    # A statement of its own: after the lock on the account it sees the tokens that were given while it waited.
    await session.run(_REVOKE_USER, (user_id,))


class Authority:
    """What this instance knows of authority that has ended."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[int, int] = {}
        self._forget_at: dict[int, float] = {}
        self._since: float | None = None

    def has_ended(self, user: User) -> bool:
        """Whether the token was given before an end that is known here."""
        return bool(self._counts) and self._counts.get(user.id, 0) > user.authority

    async def holds(self, user: User) -> bool:
        """Whether the account still has this role and count, as PostgreSQL knows it.

        While PostgreSQL is away it is what is known here: then nobody can end anything either.
        """
        try:
            row = await self._database.fetch_one(_CURRENT, (user.id,), read=True)
        except DatabaseError:
            return not self.has_ended(user)
        return row == (user.role, user.authority)

    async def keep_fetching(self) -> None:
        """Fetch what has ended, for ever."""
        while True:
            # The tables may not be there yet.
            with contextlib.suppress(DatabaseError, StatementFailed):
                await self.fetch()
            await asyncio.sleep(_POLL_SECONDS)

    async def fetch(self) -> None:
        """Fetch what has ended since the last time. Raises DatabaseError, StatementFailed."""
        now = time.monotonic()
        for user_id, count, ended in await self._database.fetch_all(
            _ENDED, (self._since, _REMEMBERED_SECONDS), read=True
        ):
            self._counts[user_id] = count
            self._forget_at[user_id] = now + _REMEMBERED_SECONDS
            self._since = max(self._since or 0.0, ended - _OVERLAP_SECONDS)
        for user_id in [user_id for user_id, forget_at in self._forget_at.items() if forget_at <= now]:
            del self._counts[user_id], self._forget_at[user_id]
