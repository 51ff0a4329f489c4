"""Which nodes of a swarm got which image from `videa push --all-nodes`, and which of them lack it now.

A node that joins later, or was away, lacks what was sent before: no manager knows what images a node has, so this is
recorded, for the whole swarm. Pure, except ``record`` and ``known``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from ops.documents import Kind, TypedDocument
from ops.models import Container, Node
from ops.platform.ports import Store

SWARM = "all.nodes"
"""Stands for the name of a project; no project of Compose can have it."""
KEPT = 30
"""Images; about those sent before, nothing is known."""


class Sent(Struct, frozen=True):
    """An image that was sent. ``id``: of the image; ``nodes``: ids of those that have it, sorted."""

    id: str
    nodes: tuple[str, ...] = ()


Record = Mapping[str, Sent]
"""Name of the image -> where it is, the one that was sent last at the end."""
_DOCUMENT: TypedDocument[dict[str, Sent]] = TypedDocument(Kind.IMAGES, dict[str, Sent], {})


def known(store: Store) -> Record:
    """The images that were sent. Raises EngineError."""
    return _DOCUMENT.read(store, SWARM)


def record(store: Store, name: str, image: str, nodes: Collection[str]) -> None:
    """Notes that these nodes have the image ``name`` with this id. Raises EngineError."""
    _DOCUMENT.change(store, SWARM, lambda before: noted(before, name, image, nodes))


def noted(before: Record, name: str, image: str, nodes: Collection[str]) -> dict[str, Sent]:
    """The record with one more sending. Another image of the same name replaces the one before it."""
    present = before.get(name)
    there = set(present.nodes if present and present.id == image else ()) | set(nodes)
    others = {other: sent for other, sent in before.items() if other != name}
    return dict([*others.items(), (name, Sent(image, tuple(sorted(there))))][-KEPT:])


def lacking(sent: Record, containers: Collection[Container], nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """Name of each image of these containers that was sent -> the nodes that get replicas and lack it, if any.

    A node that runs one of the containers has its image, however it came there.
    """
    usable, found = [node for node in nodes if node.usable], dict[str, list[Node]]()
    for name, image in sent.items():
        ran = [each.node for each in containers if each.image_id == image.id]
        missing = [node for node in usable if node.id not in {*image.nodes, *ran}]
        if ran and missing:
            found[name] = missing
    return found
