"""Access checks for handlers."""

from __future__ import annotations

import math

from aiohttp import web

from server.auth.tokens import User
from server.context import CONTEXT
from server.keys import SETTINGS
from server.problems import Problem

GUEST = User(id=0, role="admin", expires=math.inf)
"""The user for requests without sign-in, if these may change the catalogue; a row of migration 0004."""


def require_user(request: web.Request) -> User:
    """The signed-in user. Raises Problem 401."""
    user = request[CONTEXT].user
    if user is None:
        raise Problem(401, "Sign in first.", headers={"WWW-Authenticate": "Bearer"})
    return user


def catalogue_writer(request: web.Request) -> User:
    """The user for a change: the signed-in one or, with GUEST_WRITES on, the guest. Raises Problem 401."""
    if request[CONTEXT].user is None and request.app[SETTINGS].guest_writes:
        return GUEST
    return require_user(request)


def require_admin(request: web.Request) -> User:
    """The signed-in administrator. Raises Problem 401, 403."""
    user = require_user(request)
    if not user.is_admin:
        raise Problem(403, "Only administrators may do this.")
    return user
