"""The dashboard's cookies: a signed session that scripts cannot read, and a CSRF token."""

from __future__ import annotations

import hmac
import re
import secrets

from aiohttp import web

from server.auth.accounts import Proven
from server.auth.tokens import TokenRefused, User
from server.keys import AUTHORITY, TOKENS
from server.problems import Problem

_SESSION = "videa_session"
_FORM = "videa_form"
_FORM_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}\Z")
_SECONDS = 8 * 3600


async def dashboard_user(request: web.Request) -> User | None:
    """The administrator who is signed in to the dashboard, checked in PostgreSQL."""
    try:
        user = request.app[TOKENS].verify_dashboard(request.cookies.get(_SESSION, ""))
    except TokenRefused:
        return None
    return user if user.is_admin and await request.app[AUTHORITY].holds(user) else None


def begin_session(request: web.Request, response: web.Response, who: Proven) -> None:
    """Sign in for eight hours, or until the account signs out, changes its password or loses its role."""
    session = request.app[TOKENS].dashboard(who.id, who.role, _SECONDS, who.authority)
    _set(request, response, _SESSION, session, _SECONDS)


def end_session(response: web.Response) -> None:
    """Remove the cookie."""
    response.del_cookie(_SESSION, path="/dashboard")


def form_token(request: web.Request) -> str:
    """The CSRF token that forms must send; the same for all forms of a browser."""
    token = request.cookies.get(_FORM, "")
    return token if _FORM_TOKEN.match(token) else secrets.token_urlsafe(24)


def keep_form_token(request: web.Request, response: web.Response, token: str) -> None:
    """Store the token in a cookie that the browser sends only from pages of this site."""
    _set(request, response, _FORM, token, _SECONDS)


def check_form(request: web.Request, given: str) -> None:
    """Raises Problem 403 for a form that does not come from a page of this site."""
    expected = request.cookies.get(_FORM, "")
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    same = hmac.compare_digest(expected.encode(errors="replace"), given.encode(errors="replace"))
    if foreign or not _FORM_TOKEN.match(expected) or not same:
        raise Problem(403, "The form has expired. Load the page again.")


def _set(request: web.Request, response: web.Response, name: str, value: str, seconds: int) -> None:
    secure = request.headers.get("X-Forwarded-Proto", request.scheme) == "https"
    response.set_cookie(
        name, value, max_age=seconds, path="/dashboard", httponly=True, samesite="Strict", secure=secure
    )
