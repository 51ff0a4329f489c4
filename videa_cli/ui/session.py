"""Access to the page: a token that the command prints, a cookie, and a key that only the page itself has.

A browser sends a cookie to every port of a host, including another user's server on a shared machine. Therefore the
cookie alone is not enough: each request for data or an action must also have the session's key in a header. The page
gets the key in exchange for the token, and stores it in the tab's session storage, which is separate for each port.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""The only names allowed in the Host header: a site that resolves to this machine (DNS rebinding) has another one."""

KEY_HEADER = "X-Videa-Key"

LIFETIME = 12 * 3600.0
"""Seconds after which an unused session ends."""

MOST = 50
"""Maximum number of sessions; beyond it, the oldest one ends."""


@dataclass
class Session:
    """A browser that has sent the token. ``used``: monotonic time of its last request."""

    cookie: str
    key: str
    used: float


@dataclass
class Sessions:
    """The token of this process, and its sessions by cookie."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    by_cookie: dict[str, Session] = field(default_factory=dict)

    def open(self, token: str, cookie: str) -> Session | None:
        """The session of this browser, or a new one; None if the token is wrong."""
        if not _same(token, self.token):
            return None
        session = self.find(cookie)
        if session is None:
            session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), time.monotonic())
            self.by_cookie[session.cookie] = session
            while len(self.by_cookie) > MOST:
                self.by_cookie.pop(next(iter(self.by_cookie)))
        return session

    def find(self, cookie: str) -> Session | None:
        """The session with this cookie; None if there is none or if it has ended."""
        session, now = self.by_cookie.get(cookie), time.monotonic()
        if session and now - session.used > LIFETIME:
            del self.by_cookie[cookie]
            return None
        if session:
            session.used = now
        return session


def has_key(session: Session, key: str) -> bool:
    """Whether the request comes from the page of this session."""
    return _same(key, session.key)


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(errors="replace"), secret.encode())


def is_loopback(host: str) -> bool:
    """Whether the Host header names this machine, with any port: a tunnel may use another one."""
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK
    except ValueError:
        return False


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a POST comes from this server's own page: a browser always sends the origin."""
    origin, fetched = headers.get("Origin", ""), headers.get("Sec-Fetch-Site", "same-origin")
    return origin == f"http://{headers.get('Host', '')}" and fetched == "same-origin"
