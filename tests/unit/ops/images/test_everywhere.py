"""Images on all nodes of a swarm, and nodes that lack them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops.errors import EngineError, ImageUnavailable, UsageError
from ops.events import discard
from ops.images import sent
from ops.images.everywhere import Everywhere, Other, others
from ops.images.sent import KEPT, Sent, lacking, noted
from ops.models import Container, Node
from tests.unit.ops.fakes.images import FakeImageStore, Image
from tests.unit.ops.fakes.store import FakeStore

APP, NEXT = Image((b"a" * 1000, b"b" * 1000)), Image((b"a" * 1000, b"c" * 1000))


def node(name: str, state: str = "ready", address: str = "10.0.0.2", availability: str = "active") -> Node:
    return Node(f"id-{name}", name, state, availability, address=address)


class Swarm:
    """The engines of nodes by name; None for one that does not answer."""

    def __init__(self, *names: str, lost: str = "") -> None:
        self.stores = {name: None if name == lost else FakeImageStore(local=False) for name in names}

    @property
    def nodes(self) -> list[Other]:
        return [Other(f"id-{name}", name, f"ssh://{name}") for name in self.stores]

    @contextmanager
    def connect(self, host: str) -> Iterator[FakeImageStore]:
        store = self.stores[host.removeprefix("ssh://")]
        if store is None:
            raise EngineError("ssh: connection refused", "let this user log in there")
        yield store

    def of(self, source: FakeImageStore, store: FakeStore, dry_run: bool = False) -> Everywhere:
        return Everywhere(source, "id-here", self.nodes, self.connect, store, discard, dry_run)

    def images(self, name: str) -> dict[str, Image]:
        store = self.stores[name]
        assert store is not None
        return store.images


def test_every_other_node_that_answers_its_manager_is_reached_over_ssh() -> None:
    nodes = [node("one"), node("two"), node("three", "down"), node("four", address="fd00::4")]
    assert others(nodes, "id-one", "ops") == [
        Other("id-two", "two", "ssh://ops@10.0.0.2"),
        Other("id-four", "four", "ssh://ops@[fd00::4]"),
    ]
    assert [each.host for each in others(nodes, "id-two")] == ["ssh://10.0.0.2", "ssh://[fd00::4]"]


def test_nodes_of_the_same_name_are_told_apart() -> None:
    same = [Node(f"{letter}23456789012345", "vm", "ready", "active", address="10.0.0.2") for letter in "ab"]
    assert [each.name for each in others(same, "")] == ["vm (a23456789012)", "vm (b23456789012)"]


def test_a_node_that_cannot_be_reached_does_not_keep_the_image_from_the_others() -> None:
    here, swarm, store = FakeImageStore({"app:1": APP}), Swarm("two", "lost", "three", lost="lost"), FakeStore()
    with pytest.raises(EngineError, match="1 of 3 nodes do not have app:1: lost: ssh: connection refused"):
        swarm.of(here, store).push("app:1")
    assert swarm.images("two") == swarm.images("three") == {"app:1": APP}
    assert sent.known(store)["app:1"].nodes == ("id-here", "id-three", "id-two")
    del swarm.stores["lost"]
    assert not any(each.changed for each in swarm.of(here, store).push("app:1").values())


def test_an_image_that_does_not_exist_is_sent_nowhere() -> None:
    swarm, store = Swarm("two"), FakeStore()
    with pytest.raises(ImageUnavailable):
        swarm.of(FakeImageStore({}), store).push("app:1")
    assert sent.known(store) == {}


def test_a_dry_run_is_not_noted() -> None:
    here, swarm, store = FakeImageStore({"app:1": APP}), Swarm("two"), FakeStore()
    assert swarm.of(here, store, dry_run=True).push("app:1")["two"].changed
    assert sent.known(store) == {}


def test_a_node_that_joins_gets_what_was_sent_before_and_is_still_here() -> None:
    here, swarm, store = FakeImageStore({"app:1": APP, "app:2": NEXT}), Swarm("two"), FakeStore()
    with pytest.raises(UsageError, match="no image was sent"):
        swarm.of(here, store).again()
    for name in ("app:1", "app:2"):
        swarm.of(here, store).push(name)
    del here.images["app:1"]
    swarm.stores["three"] = FakeImageStore(local=False)
    found = swarm.of(here, store).again()
    assert {name: each.changed for name, each in found["app:2"].items()} == {"two": False, "three": True}
    assert (list(found), swarm.images("three")) == (["app:2"], {"app:2": NEXT})


def replica(place: str, image: str = "sha256:1") -> Container:
    return Container("id", "web-1", "web", "running", "none", "app:1", 0, 0, False, image_id=image, node=place)


@pytest.mark.parametrize(
    ("nodes", "containers", "expected"),
    [
        ([node("one"), node("two")], [replica("id-one")], []),
        ([node("one"), node("two"), node("new")], [replica("id-one")], ["new"]),
        ([node("one"), node("new")], [replica("id-one"), replica("id-new")], []),  # it was loaded there by hand
        ([node("one"), node("new")], [replica("id-one", "sha256:2")], []),  # nothing runs of it any more
        ([node("one"), node("new", "down")], [replica("id-one")], []),  # another finding
        ([node("one"), node("new", availability="drain")], [replica("id-one")], []),  # it gets no replicas
    ],
)
def test_which_nodes_lack_an_image(nodes: list[Node], containers: list[Container], expected: list[str]) -> None:
    record = {"app:1": Sent("sha256:1", ("id-one", "id-two"))}
    found = lacking(record, containers, nodes)
    assert [each.name for each in found.get("app:1", [])] == expected


def test_another_image_of_the_same_name_is_nowhere_yet() -> None:
    first = noted({}, "app:1", "sha256:1", ["a", "b"])
    assert noted(first, "app:1", "sha256:1", ["c"])["app:1"].nodes == ("a", "b", "c")
    assert noted(first, "app:1", "sha256:2", ["c"])["app:1"] == Sent("sha256:2", ("c",))


def test_the_record_does_not_grow_without_bounds() -> None:
    record: dict[str, Sent] = {}
    for number in range(KEPT + 5):
        record = noted(record, f"app:{number}", "sha256:1", ["a"])
    assert (len(record), "app:4" in record, "app:5" in record) == (KEPT, False, True)
