"""Requests to the balancer's published port, as clients send them."""

from __future__ import annotations

import http.client
import ssl
from contextlib import closing
from urllib.parse import urlsplit

from ops.route import Address

TIMEOUT = 5.0
"""Seconds until a request counts as unanswered."""

UNANSWERED = (OSError, http.client.HTTPException, ValueError)
"""Raised if there is no answer, and for an invalid URL, such as a bad port or an IPv6 address without brackets."""


def connect(url: str, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
    """A connection to the server of ``url``, not opened yet. Raises ValueError for an invalid URL."""
    address = urlsplit(url)
    host, port = address.hostname, address.port
    if not host:
        raise ValueError(f"{url} has no host")
    if address.scheme == "https":
        # The certificate may be for another name; all that matters is whether there is an answer.
        context = ssl._create_unverified_context()  # noqa: S323
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port or 80, timeout=timeout)


def headers(request: Address, **others: str) -> dict[str, str]:
    """The headers of a request. Without a host in the request, the connection's host is used."""
    return {"User-Agent": "videa-probe", **({"Host": request.host} if request.host else {}), **others}


def unreachable(url: str, request: Address, timeout: float = TIMEOUT, late: str = "") -> str:
    """Why no connection to ``url`` is possible; "" if one is, whatever the answer is. ``timeout``: seconds.

    A late answer is not a failure: the port accepts connections, and a replica may be slow. ``late``: what to return
    in that case, because Docker's proxy accepts connections even if nothing listens behind it. The request is then one
    that nginx answers itself (TRACE, with 405), even if replicas hang.
    """
    try:
        with closing(connect(url, timeout)) as connection:
            connection.request("TRACE" if late else "GET", request.path, headers=headers(request))
            try:
                connection.getresponse()
            except TimeoutError:
                return late
    except UNANSWERED as error:
        return in_words(error)
    return ""


def in_words(error: Exception) -> str:
    """Why a request got no answer, without the errno."""
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
