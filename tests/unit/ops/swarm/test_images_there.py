"""Which nodes lack an image: each is asked, except those that are known to have it, and nothing is left."""

from __future__ import annotations

from typing import Any

import pytest

from ops.engine.client import Engine
from ops.errors import PlanRefused
from ops.swarm import api, images_there

LACKS = {"State": "rejected", "Err": "No such image: sha256:ab"}
HAS = {"State": "failed", "Err": "exec: /videa-is-this-image-here: no such file or directory"}
ENGINE = object.__new__(Engine)  # nothing of it is asked


def node(name: str, availability: str = "active") -> dict[str, Any]:
    return {
        "ID": name,
        "Spec": {"Role": "worker", "Availability": availability},
        "Status": {"State": "ready", "Addr": "10.0.0.2"},
        "Description": {"Hostname": name},
    }


class Swarm:
    """A manager whose nodes answer so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: dict[str, str]) -> None:
        self.created: list[Any] = []
        self.left: set[str] = set()
        self.answers = answers
        monkeypatch.setattr(api, "listed", self.listed)
        monkeypatch.setattr(api, "create", self.create)
        monkeypatch.setattr(api, "remove", lambda engine, kind, name: self.left.discard(name))

    def listed(self, engine: Engine, kind: str, **filters: object) -> list[dict[str, Any]]:
        if kind == "nodes":
            return [node("node1"), node("node2"), node("node3"), node("node4", "drain")]
        return [{"NodeID": name, "Status": status} for name, status in self.answers.items()]

    def create(self, engine: Engine, kind: str, spec: Any) -> str:
        self.created.append(spec)
        self.left.add(spec["Name"])
        return "s1"


def test_a_node_that_lacks_the_image_is_named_with_the_command_that_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = Swarm(monkeypatch, node2=HAS, node3=LACKS)
    with pytest.raises(PlanRefused, match="node3 does not have app:42") as refused:
        images_there.check(ENGINE, "shop", "sha256:ab", "app:42", ["node1"])
    assert "videa push app:42 --all-nodes" in refused.value.hint
    (spec,) = swarm.created
    assert spec["TaskTemplate"]["Placement"]["Constraints"] == ["node.id!=node1"]
    assert not swarm.left


def test_nodes_that_have_it_or_do_not_answer_are_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_there, "WITHIN", 0.0)
    swarm = Swarm(monkeypatch, node2=HAS, node3={"State": "preparing"})
    images_there.check(ENGINE, "shop", "sha256:ab", "app:42", ["node1"])
    assert (len(swarm.created), swarm.left) == (1, set())


@pytest.mark.parametrize(
    ("image", "known"), [("sha256:ab", ["node1", "node2", "node3"]), ("registry.example/app@sha256:ab", [])]
)
def test_nobody_is_asked_for_what_is_known_or_comes_from_a_registry(
    monkeypatch: pytest.MonkeyPatch, image: str, known: list[str]
) -> None:
    swarm = Swarm(monkeypatch)
    images_there.check(ENGINE, "shop", image, "app:42", known)
    assert swarm.created == []
