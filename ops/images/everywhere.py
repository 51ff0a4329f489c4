"""Sends an image to all other nodes of a swarm, without a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from ops.errors import EngineError, ImageUnavailable, VideaError
from ops.events import Emit, announced
from ops.images.push import Pushed, push
from ops.models import Node
from ops.platform.image_ports import ImageStore

Connect = Callable[[], AbstractContextManager[ImageStore]]
"""Connects to the images of one node. Raises EngineError."""


def hosts(nodes: Iterable[Node], here: str, user: str = "") -> dict[str, str]:
    """Name of each other node that is ready -> its engine, over SSH. ``here``: the id of this node. Pure."""
    before = f"{user}@" if user else ""
    return {
        node.name: f"ssh://{before}{f'[{node.address}]' if ':' in node.address else node.address}"
        for node in nodes
        if node.id != here and node.state == "ready"
    }


def push_all(
    source: ImageStore, nodes: Mapping[str, Connect], reference: str, emit: Emit, dry_run: bool = False
) -> dict[str, Pushed]:
    """Sends an image to each node, one after the other, also after an error: name -> what was sent.

    Raises EngineError at the end with the nodes that do not have it, and like ``push`` if there is no such image.
    """
    sent: dict[str, Pushed] = {}
    failed: dict[str, VideaError] = {}
    for name, connect in nodes.items():
        try:
            with announced(f"push to {name}", emit), connect() as there:
                sent[name] = push(source, there, reference, emit, dry_run)
        except ImageUnavailable:
            raise  # it does not exist, so no node can have it
        except EngineError as error:
            failed[name] = error
    if failed:
        reasons = "; ".join(f"{name}: {error.message}" for name, error in failed.items())
        hint = next(iter(failed.values())).hint
        raise EngineError(f"{len(failed)} of {len(nodes)} nodes do not have {reference}: {reasons}", hint)
    return sent
