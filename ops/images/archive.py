"""Reads archives of ``docker save``: a tar with manifest.json, and a configuration and layers for each image."""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ops.errors import VideaError
from ops.images.compression import GZIP

MANIFEST = "manifest.json"
CHUNK = 1 << 18
LARGEST_JSON = 4 << 20
"""Maximum bytes of a configuration or a manifest."""

BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError, IndexError)
"""The exceptions raised while reading a file that is broken or has another format."""


class ArchiveBroken(VideaError):
    """An archive is incomplete, changed, or of another format."""


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image in an archive. ``id``: the digest of its configuration; ``layers``: diff ids, the base's first."""

    id: str
    names: tuple[str, ...]
    config: bytes = field(repr=False)
    layers: tuple[str, ...]
    files: tuple[str, ...]
    """The names of its layers in the archive, in the order of ``layers``."""


@dataclass
class Contents:
    """What has been read of an archive. ``texts``: small files; ``digests``: file -> its diff id as a layer."""

    texts: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def resolve(self, name: str) -> str:
        """The file behind a name, which may be a link: engines before 25 store a repeated layer once."""
        return self.links.get(posixpath.normpath(name), posixpath.normpath(name))

    def images(self) -> list[ArchivedImage]:
        """The images of the archive. Raises one of BROKEN."""
        return [self._image(entry) for entry in json.loads(self.texts[MANIFEST])]

    def _image(self, entry: Mapping[str, Any]) -> ArchivedImage:
        config = self.texts[self.resolve(entry["Config"])]
        identity = hashlib.sha256(config).hexdigest()
        named = posixpath.basename(entry["Config"]).removesuffix(".json")
        if named != identity:
            raise ValueError(f"the configuration {named[:12]} was changed")
        layers = tuple(str(layer) for layer in json.loads(config)["rootfs"]["diff_ids"])
        files = tuple(str(name) for name in entry["Layers"])
        if len(layers) != len(files):
            raise ValueError(f"it lists {len(files)} of {len(layers)} layers")
        return ArchivedImage(f"sha256:{identity}", tuple(entry.get("RepoTags") or ()), config, layers, files)


def check(stream: IO[bytes], path: Path) -> list[ArchivedImage]:
    """The images of an archive. Reads it to its end and checks that every layer is there and has its digest.

    ``path``: the path of the file, for the message. Raises ArchiveBroken.
    """
    contents = Contents()
    try:
        for name, file in members(stream, contents):
            digest = Digest()
            head = b""
            while chunk := file.read(CHUNK):
                head += chunk if len(head) < LARGEST_JSON else b""
                digest.add(chunk)
            keep_text(contents, name, head)
            contents.digests[name] = digest.diff_id
        images = contents.images()
        for image in images:
            for layer, name in zip(image.layers, image.files, strict=True):
                if (found := contents.digests.get(contents.resolve(name))) is None:
                    raise ValueError(f"layer {layer[7:19]} is missing")
                if found != layer:
                    raise ValueError(f"layer {layer[7:19]} was changed")
    except BROKEN as error:
        raise ArchiveBroken(
            f"{path} is broken, or no archive of images: {reason(error)}", "nothing was loaded; save it again"
        ) from error
    if not images:
        raise ArchiveBroken(f"{path} has no images", "save it again")
    return images


def reason(error: Exception) -> str:
    """Why a file cannot be read, in one line."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    return " ".join(str(error).split()) or type(error).__name__


def members(stream: IO[bytes], contents: Contents) -> Iterator[tuple[str, IO[bytes]]]:
    """The regular files of a tar stream, which are read in order. Links are added to ``contents``."""
    with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK) as tar:
        for member in tar:
            name = posixpath.normpath(member.name)
            if member.issym():
                contents.links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
            elif member.islnk():
                contents.links[name] = posixpath.normpath(member.linkname)
            elif member.isreg() and (file := tar.extractfile(member)):
                yield name, file


def keep_text(contents: Contents, name: str, head: bytes) -> None:
    """Keeps a file that may be JSON. ``head``: its content, or the beginning of a larger one."""
    if len(head) <= LARGEST_JSON and head[:1] in (b"{", b"["):
        contents.texts[name] = head


class Digest:
    """The diff id of a layer: the digest of its uncompressed tar stream, which containerd stores compressed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._gzip: Any = None
        self._started = False

    def add(self, chunk: bytes) -> None:
        """Adds the next bytes. Raises zlib.error."""
        if not self._started:
            self._started = True
            self._gzip = zlib.decompressobj(wbits=31) if chunk.startswith(GZIP) else None
        self._hash.update(self._gzip.decompress(chunk) if self._gzip else chunk)

    @property
    def compressed(self) -> bool:
        return self._gzip is not None

    @property
    def diff_id(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


class Chunks(io.RawIOBase):
    """An iterator of bytes as a file to read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
