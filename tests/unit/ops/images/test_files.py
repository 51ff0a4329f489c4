"""Archives of images: whole, broken, foreign; and what is in the engine afterwards."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.errors import EngineError, ImageUnavailable, UsageError, VideaError
from ops.events import discard
from ops.images import compression, files
from ops.images.archive import ArchiveBroken
from ops.images.files import content_size, load, save
from tests.unit.ops.fakes.images import FakeImageStore, Image, archive

BASE, APP, NEW_APP = (os.urandom(size) for size in (300_000, 40_000, 50_000))
IMAGES = {"app:1": Image((BASE, APP)), "app:2": Image((BASE, NEW_APP))}


@pytest.mark.parametrize("name", ["shop.tar", "shop.tar.gz", "shop.tgz"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_was_saved_is_loaded(tmp_path: Path, name: str, linked: bool) -> None:
    path, there = tmp_path / name, FakeImageStore()
    saved = save(FakeImageStore(dict(IMAGES), linked=linked), path, list(IMAGES), discard)
    assert saved.size == path.stat().st_size
    assert [loaded.state for loaded in load(there, path, discard)] == ["new", "new"]
    assert there.images == IMAGES
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_is_not_loaded_again(tmp_path: Path) -> None:
    path, there = tmp_path / "shop.tar", FakeImageStore(dict(IMAGES))
    path.write_bytes(archive(IMAGES))
    assert {loaded.state for loaded in load(there, path, discard)} == {"present"}
    assert there.loads == 0


def test_a_dry_run_says_which_name_changes(tmp_path: Path) -> None:
    path, there = tmp_path / "shop.tar", FakeImageStore({"app:1": IMAGES["app:2"]})
    path.write_bytes(archive(IMAGES))
    old = IMAGES["app:2"].id[7:19]
    assert [loaded.state for loaded in load(there, path, discard, dry_run=True)] == [f"replaces {old}", "new"]
    assert there.loads == 0


def changed_layer(content: bytes) -> bytes:
    place = content.index(APP[:64])
    return content[:place] + bytes(64) + content[place + 64 :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:200_000],
    "cut in the manifest": lambda content: content[: content.index(b"manifest.json") + 520],
    "cut compressed": lambda content: gzip.compress(content)[:200_000],
    "changed layer": changed_layer,
    "changed configuration": lambda content: content.replace(b'"serve"', b'"spawn"', 1),
    "missing layer": lambda content: content.replace(b"0/layer.tar\0", b"0/layer.txt\0", 1),
    "empty": lambda _: b"",
    "text": lambda _: b"root:x:0:0\n" * 500,
    "noise": lambda _: os.urandom(5000),
    "gzip of text": lambda _: gzip.compress(b"hello"),
    "no images": lambda _: archive({}),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_nothing_of_a_broken_file_is_loaded(tmp_path: Path, broken: str) -> None:
    path, there = tmp_path / "shop.tar", FakeImageStore()
    path.write_bytes(BROKEN[broken](archive(IMAGES)))
    with pytest.raises(ArchiveBroken) as error:
        load(there, path, discard)
    assert "\n" not in error.value.message
    assert (there.images, there.loads) == ({}, 0)


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.tar"):
        with pytest.raises(UsageError, match="cannot read"):
            load(FakeImageStore(), path, discard)


def test_an_engine_without_space_gets_nothing(tmp_path: Path) -> None:
    path, there = tmp_path / "shop.tar.gz", FakeImageStore(free=500_000)
    path.write_bytes(gzip.compress(archive(IMAGES)))
    with pytest.raises(EngineError, match="loading needs"):
        load(there, path, discard)
    assert there.loads == 0


def test_a_missing_image_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ImageUnavailable, match="not on the engine: app:3, app:4"):
        save(FakeImageStore(dict(IMAGES)), tmp_path / "x.tar", ["app:1", "app:3", "app:4"], discard)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["shop.zip", "shop", "shop.gz", "no/folder.tar"])
def test_a_name_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        save(FakeImageStore(dict(IMAGES)), tmp_path / name, ["app:1"], discard)


def test_zstd_needs_a_python_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "zstd", lambda: None)
    path = tmp_path / "shop.tar.zst"
    with pytest.raises(UsageError, match=r"Python 3\.14"):
        save(FakeImageStore(dict(IMAGES)), path, ["app:1"], discard)
    path.write_bytes(compression.ZSTD + b"...")
    with pytest.raises(UsageError, match="compressed with zstd"):
        load(FakeImageStore(), path, discard)


def test_an_interrupted_save_keeps_the_previous_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, here = tmp_path / "shop.tar", FakeImageStore(dict(IMAGES))
    path.write_bytes(b"previous")

    def interrupted(_: object) -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    monkeypatch.setattr(here, "export", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(here, path, ["app:1"], discard)
    assert path.read_bytes() == b"previous"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_without_space_is_found_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 100_000

    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: Usage)
    here = FakeImageStore(dict(IMAGES))
    with pytest.raises(VideaError, match="the file needs at least"):
        save(here, tmp_path / "shop.tar", list(IMAGES), discard)
    assert not list(tmp_path.iterdir())


def test_what_images_share_counts_once() -> None:
    here = FakeImageStore(dict(IMAGES))
    found = [stored for name in IMAGES if (stored := here.stored(name))]
    assert content_size(found) == len(BASE) + len(APP) + len(NEW_APP)
