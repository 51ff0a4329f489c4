"""Calls to the engine that never got a whole answer: which are worth a second try, and how the others are told."""

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
    """A read whose connection was closed, as a kept-alive one may be, is asked again; never one that timed out."""

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
    """The error for a call without a whole answer, by what ended it.

    ``doing``: what the engine was asked to do, "list the containers"; ``seconds``: how long it was waited for.
    """
    detail = str(error)
    causes = tuple(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineUnreachable(
            "no right to use the Docker Engine",
            "add yourself to the group `docker`, or run videa with sudo",
            detail,
        )
    if "paramiko" in detail:
        return EngineUnreachable(
            "the Docker Engine is to be reached over ssh, and the Python package for that is missing",
            "install it where videa runs: pip install paramiko",
            detail,
        )
    if any(isinstance(cause, requests.exceptions.Timeout) for cause in causes):
        return EngineUnreachable(
            f"the Docker Engine was asked to {doing} and gave no answer for {seconds:g} s",
            "it is there, but busy or stuck: try again, and see its log",
            detail,
        )
    if any(isinstance(cause, _BROKEN_OFF) for cause in causes):
        return EngineError(
            f"Docker could not {doing}: its answer broke off",
            "try again; what was asked about may have ended meanwhile, see `docker events`",
            detail,
        )
    if any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes):
        return EngineUnreachable(
            f"the Docker Engine was asked to {doing} and closed the connection",
            "try again; if it was restarted, wait until it is back",
            detail,
        )
    return EngineUnreachable(
        "the Docker Engine does not answer",
        "start it (`make up` does), or check DOCKER_HOST and `docker context ls`",
        detail,
    )


_BROKEN_OFF = (
    requests.exceptions.InvalidJSONError,
    requests.exceptions.ChunkedEncodingError,
    http.client.IncompleteRead,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies behind it, however the libraries on the way have wrapped it."""
    yield error
    for behind in (error.__cause__, getattr(error, "reason", None), *error.args):
        if isinstance(behind, BaseException):
            yield from _causes(behind)
