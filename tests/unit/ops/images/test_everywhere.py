"""An image on all nodes of a swarm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops.errors import EngineError, ImageUnavailable
from ops.events import discard
from ops.images.everywhere import hosts, push_all
from ops.models import Node
from tests.unit.ops.fakes.images import FakeImageStore, Image

APP = Image((b"a" * 1000, b"b" * 1000))


def node(name: str, state: str = "ready", address: str = "10.0.0.2") -> Node:
    return Node(f"id-{name}", name, state, "active", address=address)


class Reached:
    """A node whose engine answers, or does not."""

    def __init__(self, images: FakeImageStore | None) -> None:
        self.images = images

    @contextmanager
    def __call__(self) -> Iterator[FakeImageStore]:
        if self.images is None:
            raise EngineError("ssh: connection refused", "let this user log in there")
        yield self.images


def test_every_other_node_that_answers_its_manager_is_reached_over_ssh() -> None:
    nodes = [node("one"), node("two"), node("three", "down"), node("four", address="fd00::4")]
    assert hosts(nodes, "id-one", "ops") == {"two": "ssh://ops@10.0.0.2", "four": "ssh://ops@[fd00::4]"}
    assert hosts(nodes, "id-two") == {"one": "ssh://10.0.0.2", "four": "ssh://[fd00::4]"}


def test_a_node_that_cannot_be_reached_does_not_keep_the_image_from_the_others() -> None:
    here, second, third = FakeImageStore({"app:1": APP}), FakeImageStore(local=False), FakeImageStore(local=False)
    with pytest.raises(EngineError, match="1 of 3 nodes do not have app:1: lost: ssh: connection refused"):
        push_all(here, {"two": Reached(second), "lost": Reached(None), "three": Reached(third)}, "app:1", discard)
    assert second.images == third.images == {"app:1": APP}
    done = push_all(here, {"two": Reached(second)}, "app:1", discard)
    assert not done["two"].changed


def test_an_image_that_does_not_exist_is_sent_nowhere() -> None:
    with pytest.raises(ImageUnavailable):
        push_all(FakeImageStore({}), {"two": Reached(FakeImageStore(local=False))}, "app:1", discard)
