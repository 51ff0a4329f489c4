"""The context of the current request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from server.auth.tokens import User
    from server.limits import Verdict


@dataclass(slots=True)
class Context:
    """user: the signed-in user, if any; verdict: the limiter's verdict, if there is one."""

    request_id: str
    user: User | None = None
    verdict: Verdict | None = None


CONTEXT: web.RequestKey[Context] = web.RequestKey("context")
"""The key of a request's context."""
