"""Opens one connection to PostgreSQL with aiopg, on uvloop.

When a server closes connections that are being opened, as PostgreSQL does while it stops, libpq closes their sockets
itself. uvloop still has a closed handle for the descriptor's number, and refuses to watch the next connection with this
number: the constructor of aiopg's Connection raises RuntimeError.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import aiopg

TRIES = 3
"""The refusal removes the closed handle, so the next try succeeds."""


class _Connection(aiopg.Connection):
    """Closes itself if the event loop refuses to watch it; aiopg leaves that to the garbage collector, and logs it."""

    def __init__(self, dsn: str | None, timeout: float, **parameters: Any) -> None:
        try:
            super().__init__(dsn, timeout, enable_json=False, enable_hstore=False, enable_uuid=False, **parameters)
        except RuntimeError:
            with suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(self.raw.fileno())
            self.raw.close()
            raise


async def connect(parameters: dict[str, Any], patience: float) -> aiopg.Connection:
    """``parameters``: of libpq; ``patience``: seconds for the answer to a statement. Raises psycopg2.Error, OSError."""
    refused: RuntimeError | None = None
    for _ in range(TRIES):
        try:
            return await _Connection(None, patience, **parameters)
        except RuntimeError as error:
            refused = error
    raise OSError(str(refused)) from refused
