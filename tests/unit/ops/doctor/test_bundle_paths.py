"""A bundle is written to and read from whatever path is given, or refused."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from ops.doctor import bundle
from ops.errors import UsageError, VideaError


@pytest.mark.parametrize("target", ["/dev/null", "", ".", "..", "/", "gone/bundle.tar.gz", "x" * 300])
def test_what_cannot_be_written_is_refused_and_stays(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideaError, match="cannot write"):
        bundle._save(Path(target), {"meta.json": b"{}"})
    assert Path("/dev/null").is_char_device()
    assert not list(tmp_path.iterdir())


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{name}.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


GOOD = packed(meta=b"{}", facts=b"{}")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1024,
        gzip.compress(b"\0" * 1024),
        gzip.compress(b"x" * 1024),
        GOOD[: len(GOOD) // 2],
        GOOD[:20] + b"\xff" * 20 + GOOD[40:],
        packed(facts=b"{}"),
        packed(meta=b"[]", facts=b"{}"),
        packed(meta=b'{"format": "new"}', facts=b"{}"),
        packed(meta=b'{"videa": "\xff"}', facts=b"{}"),
        packed(meta=b"{}", facts=b"[" * 100_000),
    ],
    ids=range(11),
)
def test_what_is_no_bundle_is_said_so(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="not a bundle"):
        bundle.read_bundle(file)


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LARGEST", 100)
    (tmp_path / "bundle.tar.gz").write_bytes(packed(meta=b"{}", facts=b" " * 101))
    with pytest.raises(UsageError, match="not a bundle"):
        bundle.read_bundle(tmp_path / "bundle.tar.gz")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(UsageError, match="not a bundle"):
            bundle.read_bundle(path)
