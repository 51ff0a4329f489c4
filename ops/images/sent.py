"""Which nodes of a swarm got which image from `videa push --all-nodes`, and which of them lack it now.

A node that joins later, or was unreachable, lacks the images that were sent before. A manager does not know the images
of a node, so this is recorded for the whole swarm. Pure, except ``record`` and ``known``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from ops.documents import Kind, TypedDocument
from ops.models import Container, Node
from ops.platform.ports import Store

SWARM = "all.nodes"
"""Used in place of a project name; no Compose project can have this name."""
KEPT = 30
"""Maximum number of recorded images; older ones are forgotten."""


class Sent(Struct, frozen=True):
    """An image that was sent. ``id``: of the image; ``nodes``: ids of the nodes that have it, sorted."""

    id: str
    nodes: tuple[str, ...] = ()


Record = Mapping[str, Sent]
"""Image name -> where it is, in the order of sending."""
_DOCUMENT: TypedDocument[dict[str, Sent]] = TypedDocument(Kind.IMAGES, dict[str, Sent], {})


def known(store: Store) -> Record:
    """The images that were sent. Raises EngineError."""
    return _DOCUMENT.read(store, SWARM)


def record(store: Store, name: str, image: str, nodes: Collection[str]) -> None:
    """Records that these nodes have the image ``name`` with this id. Raises EngineError."""
    _DOCUMENT.change(store, SWARM, lambda before: noted(before, name, image, nodes))


def noted(before: Record, name: str, image: str, nodes: Collection[str]) -> dict[str, Sent]:
    """The record with one more push. A different image with the same name replaces the previous one."""
    present = before.get(name)
    there = set(present.nodes if present and present.id == image else ()) | set(nodes)
    others = {other: sent for other, sent in before.items() if other != name}
    return dict([*others.items(), (name, Sent(image, tuple(sorted(there))))][-KEPT:])


def lacking(sent: Record, containers: Collection[Container], nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """Image name -> usable nodes that lack it, for the sent images of these containers that some node lacks.

    A node that runs one of the containers has its image, however it got it.
    """
    usable, found = [node for node in nodes if node.usable], dict[str, list[Node]]()
    for name, image in sent.items():
        ran = [each.node for each in containers if each.image_id == image.id]
        missing = [node for node in usable if node.id not in {*image.nodes, *ran}]
        if ran and missing:
            found[name] = missing
    return found
