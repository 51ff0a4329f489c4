"""The way that clients go: to the balancer's published port, from the host of the engine."""

from __future__ import annotations

import http.client
import ssl
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT = 5.0
"""Seconds until a request counts as not answered."""

NOT_ASKED = (OSError, http.client.HTTPException, ValueError)
"""Raised where nothing answers, and for a URL that is none: a bad port, an address without its brackets."""

_IN_A_CONTAINER = (Path("/.dockerenv"), Path("/run/.containerenv"))


def on_the_host() -> bool:
    """Whether this process reaches the host's own addresses: in a container 127.0.0.1 is the container's."""
    return not any(path.exists() for path in _IN_A_CONTAINER)


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
    """Why nothing answers at ``url``, "" when anything does, whatever it says. ``timeout``: seconds."""
    try:
        with closing(connect(url, timeout)) as connection:
            connection.request("GET", path, headers={"User-Agent": "videa-probe"})
            connection.getresponse()
    except NOT_ASKED as error:
        return str(error) or type(error).__name__
    return ""
