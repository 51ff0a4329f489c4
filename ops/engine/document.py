"""Documents: volumes that no container mounts, with their content in a label, so that one call reads or writes it.

Labels cannot change, so each version is a new volume with the version in its name: the engine creates a volume with a
given name only once. Then the previous version is removed. A document survives all prune commands.
"""

from __future__ import annotations

from ops.engine import volume
from ops.engine.client import Engine
from ops.models import Document

NAME = "videa.document"
_VERSION, _CONTENT = f"{NAME}.version", f"{NAME}.zlib"


def load(engine: Engine, name: str) -> Document:
    """The document; version 0 if there is none, no content if it is damaged. Raises EngineError."""
    version, content = max(_versions(engine, name).items(), default=(0, ""))
    return Document(version, volume.unpacked(content) or b"")


def save(engine: Engine, name: str, content: bytes, after: int) -> bool:
    """Writes the version that follows ``after``; False if another process has written it. Raises EngineError."""
    version = after + 1
    labels = {NAME: name, _VERSION: str(version), _CONTENT: volume.packed(content)}
    if not volume.create(engine, _volume(name, version), labels):
        return False
    present = _versions(engine, name)
    if max(present, default=0) != version:  # the new version follows one that was removed
        volume.remove(engine, _volume(name, version))
        return False
    for previous in present.keys() - {version}:
        volume.remove(engine, _volume(name, previous))
    return True


def drop(engine: Engine, name: str) -> None:
    """Removes all versions. Raises EngineError."""
    for version in _versions(engine, name):
        volume.remove(engine, _volume(name, version))


def _versions(engine: Engine, name: str) -> dict[int, str]:
    """Version -> encoded content; usually there is only one. Raises EngineError."""
    volumes = volume.labelled(engine, NAME, name)
    return {int(labels[_VERSION]): labels.get(_CONTENT, "") for _, labels in volumes}


def _volume(name: str, version: int) -> str:
    return f"{name}.{version}"
