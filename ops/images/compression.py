"""The compression of an archive: from the suffix of a new file, or from the first bytes of an existing one."""

from __future__ import annotations

import gzip
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ops.errors import UsageError

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
LEVEL = 6

NO_ZSTD = "this Python has no zstd, which comes with Python 3.14"


def check_suffix(path: Path) -> None:
    """Refuses a name for a new archive with which its compression is unknown or impossible. Raises UsageError."""
    name = path.name
    if name.endswith(".tar.zst") and zstd() is None:
        raise UsageError(f"{name}: {NO_ZSTD}", "name it .tar.gz, or .tar to compress it with another program")
    if not name.endswith((".tar", ".tar.gz", ".tgz", ".tar.zst")):
        raise UsageError(f"{name} says nothing of its format", "name it .tar, .tar.gz or .tar.zst")


def compresses(path: Path) -> bool:
    """Whether the name of a new archive asks for compression."""
    return not path.name.endswith(".tar")


@contextmanager
def writer(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A stream that compresses into ``file`` as the suffix of ``path`` says. Call ``check_suffix`` first."""
    if path.name.endswith((".gz", ".tgz")):
        with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=file, mtime=0) as stream:
            yield cast("IO[bytes]", stream)
    elif path.name.endswith(".zst"):
        module = zstd()
        with module.ZstdFile(file, "wb") as stream:  # type: ignore[union-attr]
            yield stream
    else:
        yield file


def reader(file: IO[bytes]) -> IO[bytes]:
    """A stream of the content of an archive, decompressed. Raises UsageError for zstd if this Python lacks it."""
    start = file.read(4)
    file.seek(0)
    if start.startswith(GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if start.startswith(ZSTD):
        module = zstd()
        if module is None:
            raise UsageError(f"the file is compressed with zstd: {NO_ZSTD}", "decompress it first: zstd -d FILE")
        return cast("IO[bytes]", module.ZstdFile(file))
    return file


def zstd() -> Any | None:
    """Python's module for zstd; None before Python 3.14."""
    try:
        return importlib.import_module("compression.zstd")
    except ModuleNotFoundError:
        return None
