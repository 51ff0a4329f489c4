"""The way that clients go: to the balancer's published port, from the host of the engine."""

from __future__ import annotations

import http.client
import ssl
from contextlib import closing, suppress
from urllib.parse import urlsplit

TIMEOUT = 5.0
"""Seconds until a request counts as not answered."""

NOT_ASKED = (OSError, http.client.HTTPException, ValueError)
"""Raised where nothing answers, and for a URL that is none: a bad port, an address without its brackets."""


def connect(url: str, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
    """A connection to where ``url`` leads, not opened yet. Raises ValueError for what leads nowhere."""
    address = urlsplit(url)
    host, port = address.hostname, address.port
    if not host:
        raise ValueError(f"{url} names no host")
    if address.scheme == "https":
        # Whether anybody answers is asked here, not who: the certificate may be for another name.
        context = ssl._create_unverified_context()  # noqa: S323
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port or 80, timeout=timeout)


def unreachable(url: str, path: str, timeout: float = TIMEOUT) -> str:
    """Why no connection to ``url`` can be used, "" if one can, whatever is answered. ``timeout``: seconds.

    Somebody who takes the request and answers late is there: a replica may be slow.
    """
    try:
        with closing(connect(url, timeout)) as connection:
            connection.request("GET", path, headers={"User-Agent": "videa-probe"})
            with suppress(TimeoutError):
                connection.getresponse()
    except NOT_ASKED as error:
        return in_words(error)
    return ""


def in_words(error: Exception) -> str:
    """Why a request got no answer, without the number of the error."""
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
