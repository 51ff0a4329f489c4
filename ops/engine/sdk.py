"""Docker's SDK, for engines on other machines and for calls that ``Api`` does not have. Slow to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.types import CancellableStream
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError

from ops.engine.answer import Answer, Refused
from ops.engine.contexts import DockerContext
from ops.engine.endpoint import Endpoint
from ops.engine.local import CHUNK, POOL_SIZE
from ops.engine.lost import Signs, lost
from ops.engine.remote import over_ssh, over_tcp, tls_from
from ops.errors import EngineError

SIGNS = Signs(
    no_connection=(requests.exceptions.ConnectTimeout,),
    late=(requests.exceptions.Timeout,),
    incomplete=(requests.exceptions.InvalidJSONError, requests.exceptions.ChunkedEncodingError),
)


def connect(
    endpoint: Endpoint, environment: Mapping[str, str], context: DockerContext | None, timeout: float
) -> docker.DockerClient:
    """A client for ``endpoint``. ``context``: the context it comes from, None for DOCKER_HOST; ``timeout``: seconds.

    Raises the errors of the SDK, ValueError for a bad URL, EngineUnreachable.
    """
    if endpoint.scheme == "ssh":
        client = over_ssh(endpoint.url, environment, timeout)
    elif not endpoint.local:
        client = over_tcp(endpoint.url, context.tls if context else tls_from(environment), timeout)
    else:
        client = docker.DockerClient(
            base_url=endpoint.url or None, version="auto", timeout=int(timeout), max_pool_size=POOL_SIZE
        )
    for adapter in client.api.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.max_retries = _ONCE_MORE
    return client


@dataclass(frozen=True)
class SdkTransport:
    """``ops.engine.answer.Transport``"""

    api: docker.APIClient

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float | None
    ) -> Answer:
        answer = self.api.request(
            method, f"{self.api.base_url}{path}", data=body, headers=headers, timeout=timeout or self.api.timeout
        )
        return _answer(answer)

    def open(self, path: str) -> SdkStream:
        answer = self.api.get(f"{self.api.base_url}{path}", stream=True, timeout=None)
        if not answer.ok:
            refused = _answer(answer)
            raise Refused(refused.status, refused.explanation)
        return SdkStream(answer)

    def close(self) -> None:
        self.api.close()


class SdkStream:
    """``ops.engine.answer.Stream``"""

    def __init__(self, answer: Any) -> None:
        self._stream = CancellableStream(answer.raw.stream(CHUNK, decode_content=False), answer)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        with suppress(docker.errors.DockerException, OSError):
            self._stream.close()


def converted(error: Exception, doing: str, missing_ok: bool, seconds: float) -> EngineError | None:
    """An error of the SDK as one of ours; None if a container is missing and ``missing_ok``.

    ``doing``: the action for the message; ``seconds``: the time limit of the call.
    """
    if isinstance(error, docker.errors.NotFound):
        if missing_ok:
            return None
        return EngineError(f"Docker could not {doing}: {error.explanation}", "see `docker ps -a`", str(error))
    if isinstance(error, docker.errors.APIError):
        reason = str(error.explanation or error)
        return EngineError(
            f"Docker could not {doing}: {reason}", "see `docker events` and the engine's log", str(error)
        )
    return lost(error, doing, seconds, SIGNS)


def _answer(answer: requests.Response) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, headers, answer.content)


class _OnceMore(Retry):
    """Retries a read if the connection was closed, as may happen to idle connections, but not after a timeout."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: Any = None,
    ) -> _OnceMore:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


_ONCE_MORE = _OnceMore(total=1, redirect=False, status=0, allowed_methods=("GET", "HEAD"))
