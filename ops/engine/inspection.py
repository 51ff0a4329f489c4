"""The logs of containers, as the engine keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from ops.engine.client import Engine, engine_errors


def recent_log(engine: Engine, container: str, since: float, lines: int) -> str:
    """What a container printed since ``since`` (epoch seconds), at most its last ``lines``. Raises EngineError."""
    with engine_errors(f"read the log of {container}"):
        output: bytes = engine.sdk.api.logs(container, since=int(since), tail=lines, timestamps=True)
    return output.decode(errors="replace")


def log_lines(engine: Engine, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
    """The lines of a container's log, each with the engine's timestamp before it; with ``follow`` also those to come.

    ``since``: epoch seconds, 0 for all; ``tail``: at most that many of those that are there. Raises EngineError, with
    ``follow`` also when nothing comes for as long as a call to the engine may take.
    """
    rest = b""
    with engine_errors(f"read the log of {container}", missing_ok=True):
        chunks = engine.sdk.api.logs(
            container, stream=True, follow=follow, timestamps=True, since=since or None, tail=tail
        )
        for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")
