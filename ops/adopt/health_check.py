"""The HTTP request that a service's Docker health check sends. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ops.preflight import has_check

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[\da-fA-F:]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?(?P<path>/[^\s'\"|;&)]*)?"
    r"(?=[\s'\"|;&),\]]|$)"
)
_LOCAL = re.compile(
    r"(?<![\w./@:-])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])"
    r"(?=[:/])(?::(?P<port>\d{1,5}))?(?P<path>/[^\s'\"|;&)]*)?(?=[\s'\"|;&),\]]|$)"
)
"""Arguments that curl and wget also accept as a URL."""
_REQUEST = re.compile(r"(?:GET|HEAD) (?P<path>/\S*) HTTP/")
_DEVICE = re.compile(r"/dev/tcp/[^/\s]+/(?P<port>\d{1,5})")
_OWN_HOST = re.compile(r"localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]")
_PROGRAM = re.compile(r"\b(?:curl|wget|https?|xh)\b")
_CURL, _WGET = re.compile(r"\bcurl\b"), re.compile(r"\bwget\b|\burlopen\(")
_FAILS = re.compile(r"(?<!\S)(?:-[a-zA-Z]*f[a-zA-Z]*|--fail\S*)(?!\S)")
_MORE = re.compile(
    r"(?<!\S)(?:--(?:user|header|request(?![= ]GET)|data|json|form|cookie|http2|unix-socket|resolve|connect-to)"
    r"|-[a-zA-Z]*(?:[uHdFb]|X(?!\s*GET)))|http_code|response_code"
)
"""curl with credentials, headers, a body, another method, or the user's own test of the status."""
_LONG = re.compile(r"(?<!\S)--(?:user|header|method|body|post-|http-user)")
_PIPE = re.compile(r"(?<!\|)\|(?!\|)")

REDIRECTED, ANSWERED = "200-399", "200-499"
"""Success for `curl --fail` and for wget, which follows redirects; and for plain curl, with server errors excluded."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``port``: None if unknown. ``path``: "" if a plain GET would not be equivalent.

    ``expect``: the statuses with which the check passes, in the format of x-videa.health.expect; "" for 200 to 299.
    """

    port: int | None = None
    path: str = ""
    expect: str = ""


NOTHING = Asked()


def asked(spec: Mapping[str, Any], names: Collection[str] = ()) -> Asked:
    """The HTTP request of a service's check; empty if the check does something else or requests another host.

    ``names``: the names by which the service can reach itself.
    """
    if not has_check(spec):
        return NOTHING
    test = spec["healthcheck"]["test"]
    text = test if isinstance(test, str) else " ".join(map(str, test))
    own = (url for url in _URL.finditer(text) if _OWN_HOST.fullmatch(url["host"]) or url["host"] in names)
    if url := next(own, None):
        if url["scheme"] == "https":
            return NOTHING
        return _read(url, text)
    if _PROGRAM.search(text) and (local := _LOCAL.search(text)):
        return _read(local, text)
    if request := _REQUEST.search(text.replace("\\r", " ")):
        device = _DEVICE.search(text)
        return Asked(int(device["port"]) if device else None, request["path"])
    return NOTHING


def _read(url: re.Match[str], text: str) -> Asked:
    port = int(url["port"] or 80)
    if (_MORE if _CURL.search(text) else _LONG).search(text):
        return Asked(port)
    return Asked(port, url["path"] or "/", "" if _PIPE.search(text) else _expected(text))


def _expected(text: str) -> str:
    if _CURL.search(text):
        return REDIRECTED if _FAILS.search(text) else ANSWERED
    return REDIRECTED if _WGET.search(text) else ""
