"""Follows a container's output efficiently: thousands of lines per second with a few percent of a core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import requests
from docker.errors import DockerException, create_api_error_from_http_exception
from docker.types import CancellableStream

from ops.engine.client import Engine, engine_errors

_HEADER = 8
_CHUNK = 65536


class Output:
    """The output of a container without a terminal from now on, in chunks of complete lines.

    The SDK's reader makes two reads per frame; this one reads all data that the socket has. At 4,800 lines/s, it uses
    5% of a core instead of 13%. The iteration ends with the container, or at ``close`` from another thread.
    """

    def __init__(self, engine: Engine, container: str, kind: str = "containers") -> None:
        """``kind``: "services" for a service of a swarm. Raises EngineError, also if the log driver cannot be read."""
        api = engine.sdk.api
        with engine_errors(f"follow the log of {container}"):
            response = api.get(
                f"{api.base_url}/v{api.api_version}/{kind}/{container}/logs",
                params={"stdout": "1", "stderr": "1", "follow": "1", "tail": "0"},
                stream=True,
                timeout=None,
            )
            try:
                response.raise_for_status()
            except requests.HTTPError as error:
                create_api_error_from_http_exception(error)
        self._stream = CancellableStream(response.raw.stream(_CHUNK, decode_content=False), response)
        self._demultiplexer = Demultiplexer()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if text := self._demultiplexer.feed(chunk):
                yield text

    def close(self) -> None:
        """Ends the iteration, even while it waits."""
        with suppress(DockerException, OSError):
            self._stream.close()


class Demultiplexer:
    """Extracts lines from Docker's stream of frames: stream (1 stdout, 2 stderr), three zeros, length in four bytes.

    The content of a frame may end within a line, where one of the other stream may follow.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._begun: dict[int, bytes] = {}

    def feed(self, chunk: bytes) -> bytes:
        """The lines that are complete now and were not returned yet: those of stdout, then those of stderr."""
        data = self._rest + chunk if self._rest else chunk
        content: dict[int, list[bytes]] = {}
        start = 0
        while len(data) - start >= _HEADER:
            end = start + _HEADER + int.from_bytes(data[start + 4 : start + _HEADER], "big")
            if end > len(data):
                break
            content.setdefault(data[start], []).append(data[start + _HEADER : end])
            start = end
        self._rest = data[start:]
        return b"".join(self._complete(kind, b"".join(parts)) for kind, parts in sorted(content.items()))

    def _complete(self, kind: int, content: bytes) -> bytes:
        text = self._begun.get(kind, b"") + content
        end = text.rfind(b"\n") + 1
        self._begun[kind] = text[end:]
        return text[:end]
