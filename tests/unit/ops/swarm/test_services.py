"""Which services and tasks a manager is asked for: of a few named replicas only theirs, and exactly those count."""

from __future__ import annotations

from typing import Any

import pytest

from ops.engine.client import Engine
from ops.platform.ports import Named, any_name
from ops.swarm import api
from ops.swarm.services import FEW, Services
from tests.unit.ops.swarm.test_reading import service, task

COUNT = FEW + 50


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What a manager of COUNT replicas was asked for, and how many it has sent."""
    services = [service(number) for number in range(1, COUNT + 1)]
    tasks = [task("running", number=number) for number in range(1, COUNT + 1)]
    known = {str(each["ID"]) for each in services}
    looks: list[tuple[str, int]] = []

    def listed(engine: Engine, kind: str, decoder: object = None, **filters: Any) -> list[Any]:
        begins, ids, of = tuple(filters.get("name", ("",))), filters.get("id"), filters.get("service")
        found = [each for each in services if each["Spec"]["Name"].startswith(begins) and each["ID"] in (ids or known)]
        if kind == "tasks":
            found = [each for each in tasks if each["ServiceID"] in (of or known)]
        looks.append((kind, len(found)))
        return found

    monkeypatch.setattr(api, "listed", listed)
    return looks


def shop() -> Services:
    return Services(object.__new__(Engine), "shop")


def test_a_few_named_replicas_are_asked_for_by_name_and_others_that_begin_so_do_not_count(
    asked: list[tuple[str, int]],
) -> None:
    assert shop().states("web", Named({"shop-web-24", "shop-web-7"})) == {
        "shop-web-7": "running",
        "shop-web-24": "running",
    }
    assert asked == [("services", 22), ("tasks", 2)]  # also 240 to 249, and 70 to 79
    assert len(shop().replicas("web", Named({"shop-web-24"}))) == 1


def test_many_replicas_are_asked_for_at_once(asked: list[tuple[str, int]]) -> None:
    every = {f"shop-web-{number}" for number in range(1, COUNT)}
    assert shop().states("web", Named(every)).keys() == every
    assert shop().names("web") == [f"shop-web-{number}" for number in range(1, COUNT + 1)]
    assert len(shop().states("web", any_name)) == COUNT
    assert asked == [("services", COUNT), ("tasks", COUNT)] + [("services", COUNT)] * 2 + [("tasks", COUNT)]


def test_no_name_asks_for_nothing(asked: list[tuple[str, int]]) -> None:
    assert shop().states("web", Named(())) == {}
    assert shop().replicas("web", Named(())) == []
    assert asked == []
