"""A create that is sent twice is executed once: the second request gets the answer to the first."""

from __future__ import annotations

import hashlib
import re

from server.database_session import Session
from server.problems import Problem

_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_KEPT = "24 hours"
# Each create removes a few old rows, so the table stays small without a separate job.
_FORGET = f"""
DELETE FROM idempotency_keys WHERE ctid IN (
    SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '{_KEPT}' LIMIT 10
)
"""  # noqa: S608 -- a constant
_CLAIM = """
INSERT INTO idempotency_keys (user_id, key, request_hash) VALUES (%s, %s, %s)
ON CONFLICT (user_id, key) DO NOTHING RETURNING 1
"""
_STORED = "SELECT request_hash, answer FROM idempotency_keys WHERE user_id = %s AND key = %s"
_SETTLE = "UPDATE idempotency_keys SET title_id = %s, answer = %s WHERE user_id = %s AND key = %s"


def read_key(header: str | None) -> str | None:
    """The key of a request, if it has one. Raises Problem 400."""
    if header is None:
        return None
    if not _KEY.match(header):
        raise Problem(400, "Idempotency-Key must be 1 to 64 letters, digits, dots, colons, dashes or underscores.")
    return header


async def claim(session: Session, user_id: int, key: str, body: bytes) -> bytes | None:
    """Inside the transaction of the create: None for a new key, or the answer to the earlier request.

    Waits for a concurrent request with the same key. Raises Problem 409, 422 for the same key with another body.
    """
    await session.run(_FORGET)
    digest = hashlib.sha256(body).digest()
    if await session.fetch_one(_CLAIM, (user_id, key, digest)):
        return None
    stored = await session.fetch_one(_STORED, (user_id, key))
    if stored is None or stored[1] is None:
        raise Problem(409, "The first request with this Idempotency-Key is still running. Try again.")
    if bytes(stored[0]) != digest:
        raise Problem(422, "This Idempotency-Key was used for another request.")
    return bytes(stored[1])


async def settle(session: Session, user_id: int, key: str, title_id: int, answer: bytes) -> None:
    """Store the answer, in the same transaction."""
    await session.run(_SETTLE, (title_id, answer, user_id, key))
