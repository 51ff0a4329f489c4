"""One request to the engine's API, for what the SDK has no function for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import requests
from docker.errors import create_api_error_from_http_exception

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
) -> tuple[int, Any]:
    """The status and the JSON of the answer. ``accepted``: statuses that are no error besides those of a success.

    ``doing``: the action for a message, such as "list the services". Raises EngineError.
    """
    with engine_errors(doing):
        api = engine.sdk.api
        url = f"{api.base_url}/v{api.api_version}{path}"
        answer = api.request(method, url, params=params, json=body, timeout=api.timeout)
        if answer.status_code not in accepted:
            try:
                answer.raise_for_status()
            except requests.HTTPError as error:
                create_api_error_from_http_exception(error)
        return answer.status_code, decoded(answer.content)


def decoded(content: bytes) -> Any:
    """The JSON of an answer, or its text. A swarm of 1,000 services sends megabytes at each look: hence msgspec."""
    try:
        return msgspec.json.decode(content) if content.strip() else None
    except msgspec.DecodeError:
        return content.decode(errors="replace")
