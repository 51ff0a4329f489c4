"""The layers that an engine lacks, and an archive with only these. A spool folder stores them until they are sent.

An engine looks for a layer before it reads its file, so the archive needs no files for layers that are present. Each
layer is compressed separately, which every engine accepts.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ops.errors import EngineError
from ops.images.archive import (
    BROKEN,
    CHUNK,
    LARGEST_JSON,
    MANIFEST,
    ArchivedImage,
    Chunks,
    Contents,
    Digest,
    keep_text,
    members,
    reason,
)

LEVEL = 6
"""The gzip level: the network is slower than this."""


@dataclass(frozen=True, slots=True)
class Spool:
    """An image, and the files with the layers to send, by diff id; compressed."""

    image: ArchivedImage
    files: dict[str, Path]

    def size(self, layer: str) -> int:
        """Bytes to send for a layer."""
        return self.files[layer].stat().st_size if layer in self.files else 0


def shared(layers: Sequence[str], others: Iterable[Sequence[str]]) -> int:
    """How many layers of an image, from its base, are in one of ``others``. Pure.

    An engine identifies a layer together with all layers under it, so a layer above a missing one is missing, too.
    """
    return max((_common(layers, other) for other in others), default=0)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def collect(archive: Iterable[bytes], needed: frozenset[str], folder: Path) -> Spool:
    """Keeps the layers ``needed``, by diff id, of an archive with one image in ``folder``. Raises EngineError."""
    contents, files = Contents(), dict[str, Path]()
    try:
        for name, file in members(cast("IO[bytes]", Chunks(archive)), contents):
            spooled, digest, head = folder / "layer", Digest(), b""
            with spooled.open("wb") as copy:
                while chunk := file.read(CHUNK):
                    head += chunk if len(head) < LARGEST_JSON else b""
                    digest.add(chunk)
                    copy.write(chunk)
            keep_text(contents, name, head)
            if digest.diff_id in needed and digest.diff_id not in files:
                files[digest.diff_id] = _compressed(spooled, digest)
        image = contents.images()[0]
        if missing := needed - files.keys():
            raise ValueError(f"layer {min(missing)[7:19]} is missing")
    except BROKEN as error:
        raise EngineError(f"Docker has saved an incomplete image: {reason(error)}", "try again") from error
    return Spool(image, files)


def _compressed(spooled: Path, digest: Digest) -> Path:
    target = spooled.with_name(f"{digest.diff_id.removeprefix('sha256:')}.gz")
    if digest.compressed:
        return spooled.rename(target)
    with spooled.open("rb") as source, gzip.open(target, "wb", compresslevel=LEVEL) as copy:
        shutil.copyfileobj(source, copy, CHUNK)
    return target


def archive_size(spool: Spool, name: str) -> int:
    """The size in bytes of ``archive_of``."""
    sizes = [
        len(content) if isinstance(content, bytes) else content.stat().st_size for _, content in _files(spool, name)
    ]
    return sum(tarfile.BLOCKSIZE + _padded(size) for size in sizes) + 2 * tarfile.BLOCKSIZE


def archive_of(spool: Spool, name: str) -> Iterator[bytes]:
    """The archive with the spooled layers, in which the image is called ``name``."""
    for path, content in _files(spool, name):
        header = tarfile.TarInfo(path)
        header.size = len(content) if isinstance(content, bytes) else content.stat().st_size
        yield header.tobuf(tarfile.USTAR_FORMAT)
        if isinstance(content, bytes):
            yield content
        else:
            with content.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        yield bytes(_padded(header.size) - header.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _files(spool: Spool, name: str) -> list[tuple[str, bytes | Path]]:
    config = f"{spool.image.id.removeprefix('sha256:')}.json"
    entry = {"Config": config, "RepoTags": [name], "Layers": [_place(layer) for layer in spool.image.layers]}
    layers: list[tuple[str, bytes | Path]] = [(_place(layer), path) for layer, path in spool.files.items()]
    return [(config, spool.image.config), *layers, (MANIFEST, json.dumps([entry]).encode())]


def _place(layer: str) -> str:
    return f"{layer.removeprefix('sha256:')}/layer.tar"


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
