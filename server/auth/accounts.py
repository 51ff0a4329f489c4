"""Accounts in PostgreSQL."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.auth.passwords import Passwords
from server.database_errors import Conflict
from server.postgres import Database
from server.problems import Problem


class Account(msgspec.Struct, kw_only=True):
    """An account as its owner sees it."""

    id: int
    email: str
    role: str
    created_at: datetime


class Accounts:
    """Registers and recognises people. Every method raises DatabaseError."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def register(self, email: str, password: str, *, role: str = "user") -> Account:
        """A new account. Raises Problem 409 when the address is taken, 503 when too many wait."""
        hashed = await self._passwords.hash(password)
        try:
            row = await self._database.fetch_one(
                "INSERT INTO users (email, password_hash, role) VALUES (%s, %s, %s) RETURNING id, created_at",
                (email, hashed, role),
            )
        except Conflict:
            raise Problem(409, "There is an account with this address.") from None
        assert row is not None  # noqa: S101 -- INSERT ... RETURNING
        return Account(id=row[0], email=email, role=role, created_at=row[1])

    async def authenticate(self, email: str, password: str) -> Account | None:
        """The account if the password is right; an unknown address takes as long. Raises Problem 503."""
        row = await self._database.fetch_one(
            "SELECT id, email, role, created_at, password_hash FROM users WHERE lower(email) = lower(%s)",
            (email,),
            read=True,
        )
        if not await self._passwords.check(row[4] if row else None, password) or row is None:
            return None
        if self._passwords.outdated(row[4]):
            hashed = await self._passwords.hash(password)
            await self._database.fetch_all("UPDATE users SET password_hash = %s WHERE id = %s", (hashed, row[0]))
        return Account(id=row[0], email=row[1], role=row[2], created_at=row[3])

    async def find(self, user_id: int) -> Account | None:
        """The account, or None when it was removed."""
        row = await self._database.fetch_one(
            "SELECT id, email, role, created_at FROM users WHERE id = %s", (user_id,), read=True
        )
        return Account(id=row[0], email=row[1], role=row[2], created_at=row[3]) if row else None

    async def make_admin(self, email: str, password: str) -> str:
        """Create an administrator, or turn an account into one with this password; says which."""
        hashed = await self._passwords.hash(password)
        row = await self._database.fetch_one(
            "INSERT INTO users (email, password_hash, role) VALUES (%s, %s, 'admin') "
            "ON CONFLICT (lower(email)) DO UPDATE SET role = 'admin', password_hash = excluded.password_hash "
            "RETURNING xmax = 0",
            (email, hashed),
        )
        return "created" if row and row[0] else "promoted"
