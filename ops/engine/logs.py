"""Follows a container's output efficiently: thousands of lines per second with a few percent of a core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ops.engine.client import Engine, engine_errors
from ops.engine.frames import Demultiplexer


class Output:
    """The output of a container without a terminal from now on, in chunks of complete lines.

    The SDK's reader makes two reads per frame; this one reads all available data of the socket. At 4,800 lines/s, it
    uses 5% of a core instead of 13%. The iteration ends with the container, or at ``close`` from another thread.
    """

    def __init__(self, engine: Engine, container: str, kind: str = "containers") -> None:
        """``kind``: "services" for a swarm service. Raises EngineError, also if the log driver is not readable."""
        with engine_errors(f"follow the log of {container}"):
            self._stream = engine.api.stream(
                f"/{kind}/{container}/logs", {"stdout": True, "stderr": True, "follow": True, "tail": 0}
            )
        self._demultiplexer = Demultiplexer()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if text := self._demultiplexer.feed(chunk):
                yield text

    def close(self) -> None:
        """Ends the iteration, even while it waits."""
        with suppress(OSError):
            self._stream.close()
