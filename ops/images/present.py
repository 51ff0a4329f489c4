"""Whether an engine has an image. Pure."""

from __future__ import annotations

from ops.models import StoredImage
from ops.platform.image_ports import ImageStore


def has(store: ImageStore, there: StoredImage | None, identity: str, layers: tuple[str, ...]) -> bool:
    """``there``: the engine's image with this name. containerd's image store has other ids for the same image."""
    return there is not None and (there.id == identity or (store.needs_every_layer and there.layers == layers))
