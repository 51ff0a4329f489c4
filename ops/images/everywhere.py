"""Sends images to all other nodes of a swarm, without a registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ops.errors import EngineError, UsageError, VideaError
from ops.events import Emit, announced
from ops.images import sent
from ops.images.push import Pushed, name_of, push, stored_image
from ops.models import Node
from ops.platform.image_ports import ImageStore
from ops.platform.ports import Store

Connect = Callable[[str], AbstractContextManager[ImageStore]]
"""Returns the images of the engine at a URL. Raises EngineError."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another node. ``name``: unique; ``host``: the URL of its engine."""

    id: str
    name: str
    host: str


def others(nodes: Sequence[Node], here: str, user: str = "") -> list[Other]:
    """The other nodes that are ready, over SSH. ``here``: the id of this node. Pure."""
    before, names = f"{user}@" if user else "", Counter(node.name for node in nodes)
    return [
        Other(
            node.id,
            node.name if names[node.name] == 1 else f"{node.name} ({node.id[:12]})",
            f"ssh://{before}{f'[{node.address}]' if ':' in node.address else node.address}",
        )
        for node in nodes
        if node.id != here and node.state == "ready"
    ]


@dataclass(frozen=True)
class Everywhere:
    """All nodes of a swarm. ``here``: the id of the node with ``source``. ``store``: the swarm's store.

    ``store`` records which node has which image; ``connect`` returns the images of another node.
    """

    source: ImageStore
    here: str
    nodes: Sequence[Other]
    connect: Connect
    store: Store
    emit: Emit
    dry_run: bool = False

    def push(self, reference: str) -> dict[str, Pushed]:
        """Sends an image to all nodes, one after the other, even after an error. Returns node name -> what was sent.

        Raises EngineError at the end with the nodes that do not have it, and UsageError and ImageUnavailable like
        ``push``.
        """
        image = stored_image(self.source, reference)
        done: dict[Other, Pushed] = {}
        failed: dict[str, VideaError] = {}
        for node in self.nodes:
            try:
                with announced(f"push to {node.name}", self.emit), self.connect(node.host) as there:
                    done[node] = push(self.source, there, reference, self.emit, self.dry_run)
            except EngineError as error:
                failed[node.name] = error
        if not self.dry_run:
            sent.record(self.store, name_of(image, reference), image.id, [self.here, *(node.id for node in done)])
        if failed:
            reasons = "; ".join(f"{name}: {error.message}" for name, error in failed.items())
            hint = next(iter(failed.values())).hint
            raise EngineError(f"{len(failed)} of {len(self.nodes)} nodes do not have {reference}: {reasons}", hint)
        return {node.name: pushed for node, pushed in done.items()}

    def again(self) -> dict[str, dict[str, Pushed]]:
        """Resends every image that was sent before and is still here. Returns image name -> the result of ``push``.

        Raises UsageError if there is none, and EngineError at the end if a node lacks one of the images.
        """
        names = [name for name in sent.known(self.store) if self.source.stored(name)]
        if not names:
            raise UsageError("no image was sent to all nodes before", "name one: videa push IMAGE --all-nodes")
        found: dict[str, dict[str, Pushed]] = {}
        failures: list[EngineError] = []
        for name in names:
            try:
                found[name] = self.push(name)
            except EngineError as error:
                failures.append(error)
        if failures:
            raise EngineError("; ".join(error.message for error in failures), failures[0].hint)
        return found
