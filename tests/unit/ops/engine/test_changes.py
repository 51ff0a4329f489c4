"""Which of the engine's events are changes of the project's containers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.engine.answer import Incomplete, Refused
from ops.engine.changes import Changes
from ops.engine.client import Engine
from ops.engine.replicas import PROJECT
from ops.errors import EngineError

OURS, OTHERS = {PROJECT: "shop", "name": "shop-app-1"}, {PROJECT: "other", "name": "other-app-1"}
KNOWN = {
    "one": {"Name": "/shop-app-1", "Config": {"Labels": {PROJECT: "shop"}}},
    "two": {"Name": "/other-app-1", "Config": {"Labels": None}},
}


def inspect(container: str) -> dict[str, Any]:
    if container not in KNOWN:
        raise Refused(404, "no such container")
    return cast(dict[str, Any], KNOWN[container])


def event(kind: str, action: str, **attributes: str) -> dict[str, Any]:
    return {"Type": kind, "Action": action, "Actor": {"Attributes": attributes}}


def changes(*events: Any) -> Changes:
    def stream() -> Any:
        for each in events:
            if isinstance(each, Exception):
                raise each
            yield each

    api = SimpleNamespace(events=lambda filters: stream(), inspect_container=inspect)
    return Changes(cast(Engine, SimpleNamespace(api=api)), "shop")


def test_only_those_of_the_project() -> None:
    seen = changes(event("container", "pause", **OURS), event("container", "die", **OTHERS), {"Type": "container"})
    assert list(seen) == ["pause shop-app-1"]


def test_a_network_names_only_the_id_of_a_container() -> None:
    events = [event("network", "disconnect", name="edge", container=name) for name in ("one", "two", "gone", "")]
    assert list(changes(*events)) == ["disconnect shop-app-1"]


def test_a_lost_connection_is_an_error_of_the_engine() -> None:
    seen = changes(event("container", "start", **OURS), Incomplete("connection lost"))
    with pytest.raises(EngineError):
        list(seen)
