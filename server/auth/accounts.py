"""Accounts in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from server.auth.authority import end_authority
from server.auth.emails import normal_email
from server.auth.passwords import Passwords
from server.database_errors import Conflict
from server.postgres import Database
from server.problems import Problem


class Account(msgspec.Struct, kw_only=True):
    """An account, as shown to its owner."""

    id: int
    email: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Proven:
    """An account whose password was verified. authority: the account's count at that time."""

    id: int
    role: str
    authority: int


@dataclass(frozen=True, slots=True)
class Stored(Proven):
    """The stored account of a sign-in attempt."""

    password_hash: str = field(repr=False)


class Accounts:
    """Registers and authenticates users. Every method raises DatabaseError."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def register(self, email: str, password: str, *, role: str = "user") -> Account:
        """A new account. Raises Problem 409 if the address is taken, 422 if it is invalid, 503 if too many wait."""
        address = _address(email)
        hashed = await self._passwords.hash(password)
        try:
            row = await self._database.fetch_one(
                "INSERT INTO users (email, password_hash, role) VALUES (%s, %s, %s) RETURNING id, created_at",
                (address, hashed, role),
            )
        except Conflict:
            raise Problem(409, "There is an account with this address.") from None
        assert row is not None  # noqa: S101 -- INSERT ... RETURNING
        return Account(id=row[0], email=address, role=role, created_at=row[1])

    async def named(self, email: str) -> Stored | None:
        """The account with this address, in any spelling; None if there is none."""
        address = normal_email(email)
        if address is None:
            return None
        row = await self._database.fetch_one(
            "SELECT id, role, authority, password_hash FROM users WHERE lower(email) = lower(%s)", (address,), read=True
        )
        return Stored(*row) if row else None

    async def prove(self, stored: Stored | None, password: str) -> Proven | None:
        """Verify the password; a missing account takes as long as a wrong password. Raises Problem 503."""
        if not await self._passwords.check(stored.password_hash if stored else None, password) or stored is None:
            return None
        if self._passwords.outdated(stored.password_hash):
            hashed = await self._passwords.hash(password)
            await self._database.fetch_all(
                "UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s",
                (hashed, stored.id, stored.password_hash),
            )
        return Proven(stored.id, stored.role, stored.authority)

    async def find(self, user_id: int) -> Account | None:
        """The account, or None if it was removed."""
        row = await self._database.fetch_one(
            "SELECT id, email, role, created_at FROM users WHERE id = %s", (user_id,), read=True
        )
        return Account(id=row[0], email=row[1], role=row[2], created_at=row[3]) if row else None

    async def make_admin(self, email: str, password: str) -> str:
        """Create an administrator, or make an account one, with this password; returns which. Raises Problem 422.

        Earlier sign-ins and tokens of the account become invalid.
        """
        address = _address(email)
        hashed = await self._passwords.hash(password)
        async with self._database.transaction() as session:
            row = await session.fetch_one(
                "INSERT INTO users (email, password_hash, role) VALUES (%s, %s, 'admin') "
                "ON CONFLICT (lower(email)) DO UPDATE SET role = 'admin', password_hash = excluded.password_hash "
                "RETURNING id, xmax = 0",
                (address, hashed),
            )
            assert row is not None  # noqa: S101 -- INSERT ... RETURNING
            await end_authority(session, row[0])
        return "created" if row[1] else "promoted"

    async def demote(self, email: str) -> bool:
        """Remove the role of an administrator; False if there is no such administrator."""
        return await self._change(email, "role = 'user'", (), "AND role = 'admin'")

    async def set_password(self, email: str, password: str) -> bool:
        """Set the password of an account; False if there is no such account."""
        return await self._change(email, "password_hash = %s", (await self._passwords.hash(password),))

    async def _change(self, email: str, assignment: str, values: tuple[str, ...], condition: str = "") -> bool:
        async with self._database.transaction() as session:
            row = await session.fetch_one(
                f"UPDATE users SET {assignment} WHERE lower(email) = lower(%s) {condition} RETURNING id",  # noqa: S608
                (*values, normal_email(email) or ""),
            )
            if row is not None:
                await end_authority(session, row[0])
        return row is not None


def _address(email: str) -> str:
    address = normal_email(email)
    if address is None:
        raise Problem(
            422, "The request is not valid.", errors=[{"field": "email", "message": "is not an e-mail address"}]
        )
    return address
