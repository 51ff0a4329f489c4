"""Calls to the engine without a complete answer: which of them are retried, and the errors for the others."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests.exceptions
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError

from ops.engine.ssh import SshFailed
from ops.errors import EngineError, EngineUnreachable


class _OnceMore(Retry):
    """Retries a read if the connection was closed, which may happen to idle connections, but not after a timeout."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


ONCE_MORE = _OnceMore(total=1, redirect=False, status=0, allowed_methods=("GET", "HEAD"))


def lost(error: Exception, doing: str, seconds: float) -> EngineError:
    """The error for a call without a complete answer, depending on its cause.

    ``doing``: the action for the message, such as "list the containers"; ``seconds``: the time limit of the call.
    """
    detail = str(error)
    causes = tuple(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineUnreachable(
            "no permission to use the Docker Engine",
            "add yourself to the group `docker`, or run videa with sudo",
            detail,
        )
    if any(isinstance(cause, _NO_CONNECTION) for cause in causes):
        return _no_connection(causes, detail)
    if any(isinstance(cause, requests.exceptions.Timeout) for cause in causes):
        return EngineUnreachable(
            f"Docker could not {doing}: no answer within {seconds:g} s",
            "the engine is running, but busy or hanging: try again, and see its log",
            detail,
        )
    if any(isinstance(cause, _INCOMPLETE) for cause in causes):
        return EngineError(
            f"Docker could not {doing}: the answer is incomplete",
            "try again; the container may have ended in the meantime, see `docker events`",
            detail,
        )
    if any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes):
        return EngineUnreachable(
            f"Docker could not {doing}: the engine closed the connection",
            "try again; if the engine was restarted, wait until it is running",
            detail,
        )
    return _no_connection(causes, detail)


def _no_connection(causes: Iterable[BaseException], detail: str) -> EngineUnreachable:
    if failed := next((cause for cause in causes if isinstance(cause, SshFailed)), None):
        return EngineUnreachable(
            f"there is no connection to the Docker Engine over ssh: {failed}",
            "make `ssh HOST docker version` work without a question, with the host of DOCKER_HOST or of the context",
            detail,
        )
    if refused := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        reason = getattr(refused, "verify_message", "") or refused.reason or str(refused)
        return EngineUnreachable(
            f"there is no TLS connection to the Docker Engine: {reason}",
            "check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, or the context: `docker context inspect`",
            detail,
        )
    if host := _remote_host(causes):
        return EngineUnreachable(
            f"the Docker Engine at {host} does not answer",
            "check the host and its firewall, DOCKER_HOST and `docker context ls`",
            detail,
        )
    return EngineUnreachable(
        "the Docker Engine does not answer",
        "start it (`make up` does), or check DOCKER_HOST and `docker context ls`",
        detail,
    )


def _remote_host(causes: Iterable[BaseException]) -> str:
    """The host and port of the request that failed; "" for a socket of this machine."""
    for cause in causes:
        request = getattr(cause, "request", None)
        address = urlsplit(str(getattr(request, "url", "") or ""))
        if address.scheme in ("http", "https"):
            return address.netloc
    return ""


_NO_CONNECTION = (SshFailed, ssl.SSLError, requests.exceptions.ConnectTimeout)
_INCOMPLETE = (
    requests.exceptions.InvalidJSONError,
    requests.exceptions.ChunkedEncodingError,
    http.client.IncompleteRead,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, however the libraries have wrapped them."""
    yield error
    for cause in (error.__cause__, getattr(error, "reason", None), *error.args):
        if isinstance(cause, BaseException):
            yield from _causes(cause)
