"""Engines with images in memory, which save and load archives as Docker does."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from ops.errors import EngineError
from ops.models import StoredImage


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Image:
    """``layers``: the content of each, the base's first."""

    layers: tuple[bytes, ...]
    entrypoint: str = "serve"

    @property
    def config(self) -> bytes:
        diff_ids = [digest(layer) for layer in self.layers]
        return json.dumps({"config": {"Entrypoint": self.entrypoint}, "rootfs": {"diff_ids": diff_ids}}).encode()

    @property
    def id(self) -> str:
        return digest(self.config)


def archive(images: dict[str, Image], linked: bool = False, compressed: bool = False) -> bytes:
    """What ``docker save`` writes: layers before the manifest. ``linked``: a repeated layer is a link, as before 25."""
    file, written = io.BytesIO(), dict[str, str]()
    with tarfile.open(fileobj=file, mode="w") as tar:
        entries = []
        for name, image in images.items():
            places = []
            for number, layer in enumerate(image.layers):
                places.append(f"{image.id[7:15]}{number}/layer.tar")
                if linked and digest(layer) in written:
                    link = tarfile.TarInfo(places[-1])
                    link.type, link.linkname = tarfile.SYMTYPE, f"../{written[digest(layer)]}"
                    tar.addfile(link)
                else:
                    add(tar, places[-1], gzip.compress(layer) if compressed else layer)
                    written[digest(layer)] = places[-1]
            config = f"{image.id[7:]}.json"
            add(tar, config, image.config)
            entries.append({"Config": config, "RepoTags": [name], "Layers": places})
        add(tar, "manifest.json", json.dumps(entries).encode())
    return file.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    tar.addfile(header, io.BytesIO(content))


@dataclass
class FakeImageStore:
    """``ops.platform.ports.ImageStore``. ``received``: bytes of archives; ``cut_after``: bytes until a link breaks."""

    images: dict[str, Image] = field(default_factory=dict)
    local: bool = True
    needs_every_layer: bool = False
    received: int = 0
    cut_after: int | None = None
    free: int | None = None
    linked: bool = False
    compressed: bool = False
    loads: int = 0

    def stored(self, reference: str) -> StoredImage | None:
        found = [image for name, image in self.images.items() if reference in (name, image.id)]
        if not found:
            return None
        names = tuple(name for name, image in self.images.items() if image == found[0])
        parts = tuple((digest(layer), len(layer)) for layer in found[0].layers)
        return StoredImage(found[0].id, names, tuple(digest(layer) for layer in found[0].layers), parts)

    def tagged(self, repository: str) -> list[str]:
        return sorted(name for name in self.images if name.startswith(f"{repository}:"))

    def all_layers(self) -> list[tuple[str, ...]]:
        return [tuple(digest(layer) for layer in image.layers) for image in self.images.values()]

    def export(self, references: Collection[str]) -> Iterator[bytes]:
        content = archive({name: self.images[name] for name in references}, self.linked, self.compressed)
        yield from (content[place : place + 1000] for place in range(0, len(content), 1000))

    def load(self, archive: Iterable[bytes]) -> None:
        content = b""
        for chunk in archive:
            content += chunk
            if self.cut_after is not None and len(content) > self.cut_after:
                raise EngineError("Docker could not load images: the engine closed the connection", "try again")
        self.received += len(content)
        self.loads += 1
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for entry in json.loads(self._read(tar, "manifest.json")):
                config = self._read(tar, entry["Config"])
                layers: tuple[bytes, ...] = ()
                for diff_id, place in zip(json.loads(config)["rootfs"]["diff_ids"], entry["Layers"], strict=True):
                    layers = (*layers, self._known(layers, diff_id) or self._layer(tar, place, diff_id))
                image = Image(layers, json.loads(config)["config"]["Entrypoint"])
                self.images.update(dict.fromkeys(entry["RepoTags"] or [image.id], image))

    def free_space(self) -> int | None:
        return self.free

    def _known(self, below: tuple[bytes, ...], diff_id: str) -> bytes | None:
        """A layer on top of the same layers: only then has Docker the layer."""
        place = len(below)
        candidates = [image.layers for image in self.images.values() if image.layers[:place] == below]
        if self.needs_every_layer:
            return None
        return next((one[place] for one in candidates if len(one) > place and digest(one[place]) == diff_id), None)

    def _layer(self, tar: tarfile.TarFile, place: str, diff_id: str) -> bytes:
        content = self._read(tar, place)
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        assert digest(content) == diff_id
        return content

    @staticmethod
    def _read(tar: tarfile.TarFile, name: str) -> bytes:
        try:
            member = tar.getmember(name)
            if member.issym():
                member = tar.getmember(posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname)))
        except KeyError as error:
            raise EngineError(f"Docker could not load the images: open {name}: no such file", "try again") from error
        file = tar.extractfile(member)
        assert file
        return file.read()
