"""Saves images into a file, and loads them from it, for machines without a network between them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ops.errors import EngineError, ImageUnavailable, UsageError
from ops.events import Emit, announced
from ops.images.archive import CHUNK, ArchivedImage, check
from ops.images.compression import ZSTD, check_suffix, compresses, reader, writer
from ops.images.present import has
from ops.images.progress import counted
from ops.interrupts import change_begins
from ops.models import StoredImage
from ops.platform.image_ports import ImageStore

LEAST_SHARE = 5
"""A compressed archive has at least about a fifth of its uncompressed size."""
COPIES = 2
"""While an engine loads an archive, it stores the content twice: unpacked, and as layers."""


@dataclass(frozen=True, slots=True)
class Saved:
    """``size``: bytes of the file, 0 in a dry run; ``content``: approximate size of the images."""

    images: tuple[str, ...]
    content: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image of an archive. ``state``: "new", "present", or "replaces ID" if another image had its name."""

    id: str
    names: tuple[str, ...]
    state: str


def save(store: ImageStore, path: Path, references: Sequence[str], emit: Emit, dry_run: bool = False) -> Saved:
    """Writes images into a new file, which replaces an existing file only when it is complete.

    Raises UsageError, ImageUnavailable, EngineError.
    """
    begun = time.monotonic()
    check_suffix(path)
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} cannot be written", "name a file in an existing folder")
    found = {reference: store.stored(reference) for reference in references}
    if missing := [reference for reference, stored in found.items() if stored is None]:
        raise ImageUnavailable(
            f"not on the engine: {', '.join(missing)}",
            "docker compose pull, or docker compose build; or name the images",
        )
    content = content_size([stored for stored in found.values() if stored])
    free = shutil.disk_usage(path.parent).free
    needed = content // LEAST_SHARE if compresses(path) else content
    if free < needed:
        raise _full(path, free, needed)
    if dry_run:
        return Saved(tuple(references), content, 0, time.monotonic() - begun)
    with announced(f"save to {path}", emit), _new_file(path) as file:
        try:
            with writer(path, file) as stream:
                for chunk in counted(store.export(references), f"save to {path}", content, emit):
                    stream.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise EngineError(f"{path} could not be written: {error.strerror or error}", "free space there") from error
    return Saved(tuple(references), content, path.stat().st_size, time.monotonic() - begun)


def load(store: ImageStore, path: Path, emit: Emit, dry_run: bool = False) -> list[Loaded]:
    """Loads the images of a file. The file is first read to its end, so that nothing is loaded from a broken one.

    Raises UsageError, ArchiveBroken, EngineError.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "name a file of `videa images save`") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        with announced(f"check {path}", emit):
            counter = _Counting(reader(file))
            images = check(cast("IO[bytes]", counter), path)
        states = [_state(store, image) for image in images]
        free = store.free_space()
        if free is not None and free < COPIES * counter.count:
            raise EngineError(
                f"the engine's disk has {free >> 20} MiB free, and loading needs {COPIES * counter.count >> 20} MiB",
                "free space there: docker system df",
            )
        if not dry_run and any(loaded.state != "present" for loaded in states):
            file.seek(0)
            with announced(f"load {path}", emit):
                change_begins()
                store.load(counted(_chunks(_sendable(file)), f"load {path}", size, emit))
            _check_arrived(store, images)
    return states


def content_size(images: Sequence[StoredImage]) -> int:
    """The size of images in bytes; what several of them share counts once. Pure."""
    sizes: dict[tuple[str, ...], int] = {}
    for image in images:
        made = tuple(step for step, _ in image.parts)
        sizes.update({made[: place + 1]: size for place, (_, size) in enumerate(image.parts)})
    return sum(sizes.values())


def _state(store: ImageStore, image: ArchivedImage) -> Loaded:
    there = [store.stored(name) for name in image.names or (image.id,)]
    others = {stored.id for stored in there if stored and not has(store, stored, image.id, image.layers)}
    if others:
        return Loaded(image.id, image.names, f"replaces {', '.join(sorted(other[7:19] for other in others))}")
    return Loaded(image.id, image.names, "present" if all(there) else "new")


def _check_arrived(store: ImageStore, images: Sequence[ArchivedImage]) -> None:
    for image in images:
        for name in image.names or (image.id,):
            stored = store.stored(name)
            if not has(store, stored, image.id, image.layers):
                raise EngineError(
                    f"{name} has another id after loading", "somebody else may have changed it: load again"
                )


def _sendable(file: IO[bytes]) -> IO[bytes]:
    """The file unchanged if possible: all engines decompress gzip, but older ones do not decompress zstd."""
    start = file.read(len(ZSTD))
    file.seek(0)
    return reader(file) if start == ZSTD else file


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file next to ``path`` that replaces it at the end, or is removed."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name a file in a folder of yours") from error
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _full(path: Path, free: int, needed: int) -> EngineError:
    return EngineError(
        f"{path.parent.resolve()} has {free >> 20} MiB free, and the file needs at least {needed >> 20} MiB",
        "free space there, or name a file on another disk",
    )


class _Counting:
    """A stream that counts what was read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.count += len(chunk)
        return chunk
