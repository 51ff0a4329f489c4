"""The state that an instance publishes in Redis, as far as other instances must be able to read it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
Figure = Annotated[float, Meta(ge=0)]
Moment = Annotated[float, Meta(ge=0, le=1e11)]
Word = Annotated[str, Meta(max_length=200)]


class _Pool(Struct):
    limit: Count
    size: Count
    idle: Count
    waiting: Count


class _Memory(Struct):
    rss: Count


class _Limiter(Struct):
    mode: Word
    refused_last_minute: Count


class _Requests(Struct):
    per_second: Figure
    server_errors: Count
    server_error_rate: Figure
    p95_ms: Figure | None


class _Heartbeat(Struct):
    id: Word
    release: Word
    status: Word
    started: Moment
    seen: Moment
    pool: _Pool
    memory: _Memory
    limiter: _Limiter
    requests: _Requests


def read_heartbeat(instance: str, raw: object) -> dict[str, Any]:
    """The heartbeat under an instance's name. Raises ValueError for anything else."""
    if not isinstance(raw, bytes):
        raise ValueError("is no text")
    try:
        beat: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        msgspec.convert(beat, _Heartbeat)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"is no heartbeat: {error}") from None
    if beat["id"] != instance:
        raise ValueError("is of another instance")
    return beat
