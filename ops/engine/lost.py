"""Calls to the engine without a complete answer: which of them are retried, and the errors for the others."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import requests.exceptions
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError

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
    if "paramiko" in detail:
        return EngineUnreachable(
            "the connection to the Docker Engine uses ssh, and the Python package for it is missing",
            "install it in videa's Python environment: pip install paramiko",
            detail,
        )
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
    return EngineUnreachable(
        "the Docker Engine does not answer",
        "start it (`make up` does), or check DOCKER_HOST and `docker context ls`",
        detail,
    )


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
