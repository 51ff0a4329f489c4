"""The cinema catalogue in PostgreSQL, cached in Redis."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

import msgspec

from server import idempotency
from server.auth.tokens import User
from server.database_session import Row
from server.postgres import Database
from server.problems import Problem
from server.readcache import ReadCache
from server.replicas import ReadRouter
from server.titles import Title, TitleChanges, TitleFields, TitlePage, TitleQuery

_GROUP = "videa:titles"
_MAX_ID = 2**63 - 1
_COLUMNS = Title.__struct_fields__
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM titles"  # noqa: S608 -- our own field names
_FIELDS = TitleFields.__struct_fields__
_INSERT = (
    f"INSERT INTO titles ({', '.join(_FIELDS)}, created_by) VALUES ({', '.join(['%s'] * len(_FIELDS))}, %s) "  # noqa: S608
    f"RETURNING {', '.join(_COLUMNS)}"
)
# The creator may change a title, administrators may change all; if a version is given, it must be the current one.
_GUARD = "id = %s AND (%s OR created_by = %s) AND (%s::integer IS NULL OR version = %s::integer)"
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Created:
    """An added title as JSON; replayed: an earlier request with the same key has added it."""

    body: bytes
    replayed: bool


class TitleStore:
    """The catalogue. Every method raises DatabaseError."""

    def __init__(self, database: Database, reads: ReadRouter, cache: ReadCache) -> None:
        self._database = database
        self._reads = reads
        self._cache = cache

    async def get(self, title_id: int, after: int | None = None) -> bytes:
        """The title as its ETag, a new line and its JSON; b"" if there is none. From the cache if possible.

        after: the log position of the client's last write, which must be seen.
        """
        if title_id > _MAX_ID:
            return b""

        async def load(fresh: bool) -> bytes:
            rows = await self._reads.read(f"{_SELECT} WHERE id = %s", (title_id,), fresh=fresh, after=after)
            if not rows:
                return b""
            title = _title(rows[0])
            return etag(title.version).encode() + b"\n" + msgspec.json.encode(title)

        return await self._cache.read(_key(title_id), load)

    async def page(self, query: TitleQuery, after: int | None = None) -> bytes:
        """One page as JSON, from the cache if possible. Raises Problem 422 for an invalid cursor."""
        beyond = _decode_cursor(query.cursor)

        async def load(fresh: bool) -> bytes:
            return msgspec.json.encode(await self._page(query, beyond, fresh, after))

        name = hashlib.blake2b(msgspec.json.encode(query), digest_size=16).hexdigest()
        return await self._cache.read_listed(_GROUP, name, load)

    async def create(self, fields: TitleFields, user: User, key: str | None) -> Created:
        """Add a title; with a key, only once for repeated requests. Raises Problem 409, 422 for a misused key."""
        values = [*(getattr(fields, name) for name in _FIELDS), user.id]
        async with self._cache.writing(_GROUP):
            if key is None:
                return Created(_encode(await self._database.fetch_one(_INSERT, values)), replayed=False)
            async with self._database.transaction() as session:
                answer = await idempotency.claim(session, user.id, key, msgspec.json.encode(fields))
                if answer is not None:
                    return Created(answer, replayed=True)
                row = await session.fetch_one(_INSERT, values)
                body = _encode(row)
                await idempotency.settle(session, user.id, key, row[0] if row else 0, body)
                return Created(body, replayed=False)

    async def change(
        self, title_id: int, changes: TitleFields | TitleChanges, user: User, version: int | None
    ) -> Title:
        """Set the fields in the changes. Raises Problem 403, 404, or 412 if the version is not the current one."""
        values = {name: getattr(changes, name) for name in _FIELDS}
        values = {name: value for name, value in values.items() if value is not msgspec.UNSET}
        assignments = "".join(f"{name} = %s, " for name in values)
        sql = (
            f"UPDATE titles SET {assignments}version = version + 1, updated_at = now() "  # noqa: S608
            f"WHERE {_GUARD} RETURNING {', '.join(_COLUMNS)}"
        )
        return _title(await self._guarded(sql, list(values.values()), title_id, user, version))

    async def delete(self, title_id: int, user: User, version: int | None) -> None:
        """Remove a title. Raises Problem 403, 404, 412."""
        await self._guarded(f"DELETE FROM titles WHERE {_GUARD} RETURNING id", [], title_id, user, version)  # noqa: S608

    async def _guarded(self, sql: str, values: list[object], title_id: int, user: User, version: int | None) -> Row:
        if title_id > _MAX_ID:
            raise not_found()
        guard = (title_id, user.is_admin, user.id, version, version)
        async with self._cache.writing(_GROUP, _key(title_id)):
            row = await self._database.fetch_one(sql, (*values, *guard))
        if row is not None:
            return row
        there = await self._database.fetch_one(
            "SELECT created_by = %s OR %s FROM titles WHERE id = %s", (user.id, user.is_admin, title_id), read=True
        )
        if there is None:
            raise not_found()
        if not there[0]:
            raise Problem(403, "Only its creator and administrators may change this title.")
        raise Problem(412, "The title has been changed since. Get it again and repeat the change.")

    async def _page(self, query: TitleQuery, beyond: int, fresh: bool, after: int | None) -> TitlePage:
        conditions: list[str] = ["true"]
        parameters: list[object] = []
        if query.q is not None:
            words = _WORDS.findall(query.q)
            if not words:
                return TitlePage(items=[], total=0, limit=query.limit, offset=query.offset, next_cursor=None)
            conditions.append("search @@ to_tsquery('simple', %s)")
            parameters.append(" & ".join(f"'{word}':*" for word in words))
        if query.genre is not None:
            conditions.append("genres @> ARRAY[%s]")
            parameters.append(query.genre)
        if query.year is not None:
            conditions.append("year = %s")
            parameters.append(query.year)
        # One statement, so that the count and the page are consistent. One additional row shows whether there is a next
        # page.
        rows = await self._reads.read(
            f"WITH found AS ({_SELECT} WHERE {' AND '.join(conditions)}) "  # noqa: S608 -- values are parameters
            "SELECT page.*, (SELECT count(*) FROM found) FROM (SELECT 1) AS one LEFT JOIN "
            "(SELECT * FROM found WHERE id > %s ORDER BY id LIMIT %s OFFSET %s) AS page ON true ORDER BY page.id",
            (*parameters, beyond, query.limit + 1, query.offset),
            fresh=fresh,
            after=after,
        )
        items = [_title(row[:-1]) for row in rows if row[0] is not None]
        more = len(items) > query.limit
        items = items[: query.limit]
        return TitlePage(
            items=items,
            total=rows[0][-1],
            limit=query.limit,
            offset=query.offset,
            next_cursor=_encode_cursor(items[-1].id) if more else None,
        )


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def not_found() -> Problem:
    """The answer for a title that does not exist."""
    return Problem(404, "There is no such title.")


def _key(title_id: int) -> str:
    return f"{_GROUP}:{title_id}"


def _title(row: Row) -> Title:
    return Title(**dict(zip(_COLUMNS, row, strict=True)))


def _encode(row: Row | None) -> bytes:
    assert row is not None  # noqa: S101 -- INSERT ... RETURNING
    return msgspec.json.encode(_title(row))


def _encode_cursor(last_id: int) -> str:
    return base64.urlsafe_b64encode(f"id:{last_id}".encode()).decode().rstrip("=")


def _decode_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if kind == "id" and number.isdecimal() and int(number) <= _MAX_ID:
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise Problem(
        422, "The request is not valid.", errors=[{"field": "cursor", "message": "not a cursor of this list"}]
    )
