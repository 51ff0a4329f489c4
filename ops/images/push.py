"""Sends an image from one engine to another without a registry: only the layers that are missing there."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ops.errors import EngineError, ImageUnavailable, UsageError
from ops.events import Emit, announced
from ops.image_ref import ImageRef
from ops.images.layers import Spool, archive_of, archive_size, collect, shared
from ops.images.present import has
from ops.images.progress import counted
from ops.interrupts import change_begins
from ops.models import StoredImage
from ops.platform.image_ports import ImageStore


@dataclass(frozen=True, slots=True)
class Layer:
    """``size``: compressed bytes to send for it; 0 if the engine has it."""

    diff_id: str
    present: bool
    size: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push has sent or would send. ``sent``: bytes; ``changed``: whether anything was or would be sent."""

    image: str
    id: str
    layers: tuple[Layer, ...]
    sent: int
    changed: bool
    seconds: float


def push(source: ImageStore, target: ImageStore, reference: str, emit: Emit, dry_run: bool = False) -> Pushed:
    """Sends an image. At the end, the other engine has the complete image or is unchanged.

    Raises UsageError, ImageUnavailable if there is no such image, EngineError.
    """
    begun = time.monotonic()
    stored = stored_image(source, reference)
    name = name_of(stored, reference)
    if has(target, target.stored(name), stored.id, stored.layers):
        layers = tuple(Layer(layer, True, 0) for layer in stored.layers)
        return Pushed(name, stored.id, layers, 0, False, time.monotonic() - begun)
    with announced("compare the layers", emit):
        present = 0 if target.needs_every_layer else shared(stored.layers, target.all_layers())
    needed = frozenset(stored.layers[present:])
    with tempfile.TemporaryDirectory(prefix="videa-push-") as folder:
        expected = sum(size for _, size in stored.parts)
        _check_space(Path(folder), expected)
        with announced(f"read {name}", emit):
            archive = counted(source.export([name]), f"read {name}", expected, emit)
            spool = collect(archive, needed, Path(folder))
        size = archive_size(spool, name)
        if not dry_run:
            with announced(f"send {name}", emit):
                target.load(counted(archive_of(spool, name), f"send {name}", size, emit))
            change_begins()  # not before: an interrupted transfer leaves nothing
            _check_arrived(target, name, spool)
        layers = tuple(Layer(layer, place < present, spool.size(layer)) for place, layer in enumerate(stored.layers))
    return Pushed(name, spool.image.id, layers, size, True, time.monotonic() - begun)


def stored_image(source: ImageStore, reference: str) -> StoredImage:
    """The image that is sent. Raises ImageUnavailable if there is none, EngineError."""
    stored = source.stored(reference)
    if stored is None:
        raise ImageUnavailable(f"there is no image {reference} to push", "see `docker images`; or build it")
    return stored


def name_of(stored: StoredImage, reference: str) -> str:
    """The name under which the image is sent, "REPOSITORY:TAG". Raises UsageError if it has none."""
    parsed = ImageRef.parse(reference)
    wanted = reference if parsed.tag or parsed.digest else f"{reference}:latest"
    names = [name for name in stored.names if wanted == name or wanted.endswith(f"/{name}")]
    if not names:
        raise UsageError(f"{reference} is not the name of an image", f"give it one: docker tag {reference} NAME:TAG")
    return names[0]


def _check_arrived(target: ImageStore, name: str, spool: Spool) -> None:
    if not has(target, target.stored(name), spool.image.id, spool.image.layers):
        raise EngineError(f"{name} has another id on the other engine", "somebody else may have changed it: push again")


def _check_space(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise EngineError(
            f"{folder.parent} has {free >> 20} MiB free, and the layers may need {needed >> 20} MiB",
            "free space, or set TMPDIR to another folder",
        )
