"""Calls to the engine's API for the objects of a swarm, which the SDK supports only in part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec

from ops.engine.client import Engine
from ops.engine.request import request
from ops.errors import EngineError

Spec: TypeAlias = Mapping[str, Any]
Found: TypeAlias = Mapping[str, Any]
"""An object as the manager describes it: ID, Version, Spec and more."""

TRIES = 20
"""Maximum number of tries: each failure means that another process has changed the object meanwhile."""

OUT_OF_SEQUENCE = "out of sequence"
"""The text with which the manager refuses an update of an outdated version."""


def listed(
    engine: Engine, kind: str, decoder: msgspec.json.Decoder[Any] | None = None, **filters: str | Sequence[str]
) -> list[Found]:
    """The objects of a kind, such as "services", that meet all filters, such as ``label="a=b"``. Raises EngineError.

    If a filter has several values, one must match. ``decoder``: decodes a part of each object.
    """
    chosen = {name: [value] if isinstance(value, str) else list(value) for name, value in filters.items()}
    params = {"filters": json.dumps(chosen)}
    _, found = request(engine, "GET", f"/{kind}", f"list the {kind}", params=params, decoder=decoder)
    return list(found or ())


def found(engine: Engine, kind: str, name: str) -> Found | None:
    """The object with this id or name; None if there is none. Raises EngineError."""
    status, data = request(engine, "GET", f"/{kind}/{name}", f"look for {name}", accepted=(HTTPStatus.NOT_FOUND,))
    return None if status == HTTPStatus.NOT_FOUND else data


def create(engine: Engine, kind: str, spec: Spec) -> str | None:
    """Creates an object and returns its id; None if the name is in use. Raises EngineError."""
    doing = f"create {spec['Name']}"
    status, data = request(engine, "POST", f"/{kind}/create", doing, body=spec, accepted=(HTTPStatus.CONFLICT,))
    return None if status == HTTPStatus.CONFLICT else str(data["ID"])


def update(engine: Engine, kind: str, name: str, change: Callable[[Spec], Spec]) -> bool:
    """Replaces the spec of an object with ``change(spec)``; retries on a conflict. False if the object is missing.

    Raises EngineError.
    """
    for _ in range(TRIES):
        present = found(engine, kind, name)
        if present is None:
            return False
        spec = change(present["Spec"])
        if spec == present["Spec"]:
            return True
        status, data = request(
            engine,
            "POST",
            f"/{kind}/{present['ID']}/update",
            f"update {name}",
            params={"version": str(present["Version"]["Index"])},
            body=spec,
            accepted=(HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR),
        )
        if status == HTTPStatus.NOT_FOUND:
            return False
        if status != HTTPStatus.INTERNAL_SERVER_ERROR:
            return True
        reason = str((data or {}).get("message", data))
        if OUT_OF_SEQUENCE not in reason:
            raise EngineError(f"Docker could not update {name}: {reason}", "see the engine's log", reason)
    raise EngineError(f"{name} could not be changed: other processes change it all the time", "try again")


def remove(engine: Engine, kind: str, name: str) -> None:
    """Removes an object, by its id or name; a missing one is not an error. Raises EngineError."""
    request(engine, "DELETE", f"/{kind}/{name}", f"remove {name}", accepted=(HTTPStatus.NOT_FOUND,))
