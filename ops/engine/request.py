"""One request to the engine's API, for calls that ``Api`` does not have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from ops.engine.answer import BAD_REQUEST, Refused
from ops.engine.client import Engine, engine_errors


def request(
    engine: Engine,
    method: str,
    path: str,
    doing: str,
    *,
    params: Mapping[str, str] | None = None,
    body: object = None,
    accepted: Collection[int] = (),
    decoder: msgspec.json.Decoder[Any] | None = None,
) -> tuple[int, Any]:
    """The status and the JSON of the answer. ``accepted``: further statuses that do not count as errors.

    ``decoder``: decodes only a part of the answer, which is much faster than decoding all of it.

    ``doing``: the action for a message, such as "list the services". Raises EngineError.
    """
    with engine_errors(doing):
        answer = engine.api.request(method, path, params, body)
        if answer.status >= BAD_REQUEST and answer.status not in accepted:
            raise Refused(answer.status, answer.explanation)
        return answer.status, decoded(answer.content, decoder)


def decoded(content: bytes, decoder: msgspec.json.Decoder[Any] | None = None) -> Any:
    """The JSON of an answer, or its text. msgspec, because a swarm of 1,000 services sends megabytes."""
    decode = decoder.decode if decoder else msgspec.json.decode
    try:
        return decode(content) if content.strip() else None
    except msgspec.DecodeError:
        return content.decode(errors="replace")
