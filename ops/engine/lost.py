"""The errors for calls to the engine that got no complete answer."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import msgspec

from ops.errors import EngineError, EngineUnreachable


class SshFailed(ConnectionError):
    """There is no connection to the engine over ssh. The message is the reason, in one line."""


class Signs(msgspec.Struct, frozen=True):
    """The exceptions of an HTTP library for: no connection, a late answer, an incomplete answer."""

    no_connection: tuple[type[BaseException], ...] = ()
    late: tuple[type[BaseException], ...] = (TimeoutError,)
    incomplete: tuple[type[BaseException], ...] = ()


STANDARD = Signs()
"""The exceptions of the standard library."""


def lost(error: BaseException, doing: str, seconds: float, signs: Signs = STANDARD) -> EngineError:
    """The error for a call without a complete answer, depending on its cause.

    ``doing``: the action for the message, such as "list the containers"; ``seconds``: the time limit of the call.
    """
    detail = repr(error)
    causes = tuple(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineUnreachable(
            "no permission to use the Docker Engine",
            "add yourself to the group `docker`, or run videa with sudo",
            detail,
        )
    if any(isinstance(cause, (SshFailed, ssl.SSLError, *signs.no_connection)) for cause in causes):
        return _no_connection(causes, detail)
    if any(isinstance(cause, signs.late) for cause in causes):
        return EngineUnreachable(
            f"Docker could not {doing}: no answer within {seconds:g} s",
            "the engine is running, but busy or hanging: try again, and see its log",
            detail,
        )
    if any(isinstance(cause, (http.client.IncompleteRead, *signs.incomplete)) for cause in causes):
        return incomplete(doing, detail)
    if any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes):
        return EngineUnreachable(
            f"Docker could not {doing}: the engine closed the connection",
            "try again; if the engine was restarted, wait until it is running",
            detail,
        )
    return _no_connection(causes, detail)


def incomplete(doing: str, detail: str) -> EngineError:
    """The error for a truncated answer."""
    return EngineError(
        f"Docker could not {doing}: the answer is incomplete",
        "try again; the container may have ended in the meantime, see `docker events`",
        detail,
    )


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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, however the libraries have wrapped them."""
    yield error
    for cause in (error.__cause__, getattr(error, "reason", None), *error.args):
        if isinstance(cause, BaseException):
            yield from _causes(cause)
