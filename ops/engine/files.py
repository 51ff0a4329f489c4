"""Reads files of a container, and writes them into another one that has not started yet."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping

from ops.engine.client import Engine, engine_errors


def read_files(engine: Engine, container: str, paths: Iterable[str]) -> dict[str, bytes]:
    """Path -> archive with that file, its owner and its mode; without files that do not exist. Raises EngineError."""
    archives = {}
    for path in paths:
        with engine_errors(f"read {path} in {container}", missing_ok=True):
            archives[path] = moved(engine.api.get_archive(container, path), path)
    return archives


def write_files(engine: Engine, container: str, archives: Mapping[str, bytes]) -> None:
    """Writes the archives from ``read_files``, and creates missing parent folders. Raises EngineError."""
    for path, archive in archives.items():
        with engine_errors(f"write {path} in {container}"):
            engine.api.put_archive(container, "/", archive)


def copy_files(engine: Engine, source: str, target: str, paths: Iterable[str]) -> None:
    """Copies files of a container into one that has not started, if they exist. Raises EngineError."""
    write_files(engine, target, read_files(engine, source, paths))


def moved(archive: bytes, path: str) -> bytes:
    """The archive of one file, with its complete path as the name: the engine names it without its folder. Pure."""
    result = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as before, tarfile.open(fileobj=result, mode="w") as after:
        for member in before.getmembers():
            content = before.extractfile(member) if member.isfile() else None
            _, slash, rest = member.name.partition("/")
            member.name = f"{path.lstrip('/')}{slash}{rest}"
            after.addfile(member, content)
    return result.getvalue()
