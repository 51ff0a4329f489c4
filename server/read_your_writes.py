"""Read your own writes: a signed cookie with the log position of a client's last write.

It is only needed for reads without the cache, because the cache never returns data older than the last write.
"""

from __future__ import annotations

import hashlib
import hmac

from aiohttp import web

from server.keys import READS, SETTINGS

_COOKIE = "videa_after"
_SECONDS = 30


async def remember_write(request: web.Request, response: web.Response) -> web.Response:
    """Store the log position of the write in the client's cookie, if there is a replica, which may lag behind."""
    position = await request.app[READS].write_position()
    if position is not None:
        settings = request.app[SETTINGS]
        value = f"{position}.{_sign(position, settings.access_secrets[0])}"
        response.set_cookie(
            _COOKIE,
            value,
            max_age=_SECONDS,
            path="/api/",
            httponly=True,
            samesite="Lax",
            secure=request.headers.get("X-Forwarded-Proto") == "https",
        )
    return response


def last_write(request: web.Request) -> int | None:
    """The log position of the client's last write; None without a cookie that this server has signed."""
    if "Cookie" not in request.headers:
        return None
    number, _, signature = request.cookies.get(_COOKIE, "").partition(".")
    if not number.isascii() or not number.isdecimal() or len(number) > 19:
        return None
    position = int(number)
    secrets = request.app[SETTINGS].access_secrets
    given = signature.encode(errors="replace")
    if any(hmac.compare_digest(given, _sign(position, secret).encode()) for secret in secrets):
        return position
    return None


def _sign(position: int, secret: str) -> str:
    return hmac.new(secret.encode(), f"written {position}".encode(), hashlib.sha256).hexdigest()[:24]
