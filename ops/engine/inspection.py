"""The logs of containers, as the engine stores them."""

from __future__ import annotations

from collections.abc import Iterator

from ops.engine.client import Engine, engine_errors


def recent_log(engine: Engine, container: str, since: float, lines: int) -> str:
    """The output of a container since ``since`` (Unix time), at most the last ``lines``. Raises EngineError."""
    with engine_errors(f"read the log of {container}"):
        output = engine.api.logs(container, since=int(since), tail=lines, timestamps=True)
    return output.decode(errors="replace")


def log_lines(engine: Engine, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
    """The lines of a container's log, each preceded by the engine's timestamp; with ``follow`` also new lines.

    ``since``: Unix time, 0 for all; ``tail``: maximum number of existing lines. Raises EngineError; with ``follow``
    also if there is no new line within CALL_TIMEOUT.
    """
    rest = b""
    with engine_errors(f"read the log of {container}", missing_ok=True):
        chunks = engine.sdk.api.logs(
            container, stream=True, follow=follow, timestamps=True, since=since or None, tail=tail
        )
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
