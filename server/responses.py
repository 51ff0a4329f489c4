"""Responses whose headers are made once and copied, which is much cheaper than making them each time."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web
from multidict import CIMultiDict

SECURITY = CIMultiDict(
    {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Server": "videa",
    }
)
_JSON = CIMultiDict({"Content-Type": "application/json", **SECURITY})
_FRESH_JSON = CIMultiDict({"Cache-Control": "no-store", **_JSON})


def json_bytes(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response from ready bytes, which a cache may keep unless the headers say otherwise."""
    complete = _JSON.copy()
    if headers is not None:
        complete.update(headers)
    return web.Response(status=status, body=body, headers=complete)


def fresh_json(answer: object, status: int = 200) -> web.Response:
    """A JSON response that no cache may keep."""
    return web.Response(status=status, body=msgspec.json.encode(answer), headers=_FRESH_JSON.copy())
