"""Documents: volumes that no container mounts. Their content is in a label, so that one call reads or writes it.

Unlike a stopped container, a volume stays after `docker container prune` and `docker system prune`, and after
`docker compose down -v`, because no Compose file declares it. A file inside a volume would need a container and ten
times as long. Labels cannot change, so each version is a volume, and the version is in its name: the engine creates a
volume with a name only once, whoever asks first. When it exists, the previous version is removed.
"""

from __future__ import annotations

import secrets
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from ops.engine.answer import Refused
from ops.engine.client import Engine, engine_errors
from ops.models import Document

NAME = "videa.document"
_VERSION, _WRITER, _CONTENT = f"{NAME}.version", f"{NAME}.writer", f"{NAME}.zlib"
_FASTEST = 1


def load(engine: Engine, name: str) -> Document:
    """The document; version 0 without one, no content if it is damaged. Raises EngineError."""
    version, content = max(_versions(engine, name).items(), default=(0, ""))
    try:
        return Document(version, zlib.decompress(b64decode(content)) if content else b"")
    except (Base64Error, zlib.error):
        return Document(version)


def save(engine: Engine, name: str, content: bytes, after: int) -> bool:
    """Writes the version that follows ``after``; False if another process has written it. Raises EngineError."""
    version, writer = after + 1, secrets.token_hex(8)
    labels = {
        NAME: name,
        _VERSION: str(version),
        _WRITER: writer,
        _CONTENT: b64encode(zlib.compress(content, _FASTEST)).decode(),
    }
    with engine_errors(f"write {name}"):
        created = engine.api.create_volume(_volume(name, version), labels=labels)
        if (created["Labels"] or {}).get(_WRITER) != writer:  # the engine returns the volume that exists
            return False
    present = _versions(engine, name)
    if max(present, default=0) != version:  # it follows a version that was removed
        _remove(engine, _volume(name, version))
        return False
    for previous in present.keys() - {version}:
        _remove(engine, _volume(name, previous))
    return True


def drop(engine: Engine, name: str) -> None:
    """Removes all versions. Raises EngineError."""
    for version in _versions(engine, name):
        _remove(engine, _volume(name, version))


def _versions(engine: Engine, name: str) -> dict[int, str]:
    """Version -> encoded content; usually there is one. Raises EngineError."""
    with engine_errors(f"read {name}"):
        volumes = engine.api.volumes(filters={"label": f"{NAME}={name}"})["Volumes"] or []
        return {int(volume["Labels"][_VERSION]): volume["Labels"].get(_CONTENT, "") for volume in volumes}


def _remove(engine: Engine, volume: str) -> None:
    """Raises EngineError; a missing volume, or one that somebody mounts by hand, is not an error."""
    with engine_errors(f"remove {volume}", missing_ok=True):
        try:
            engine.api.remove_volume(volume)
        except Refused as error:
            if not error.conflict:
                raise


def _volume(name: str, version: int) -> str:
    return f"{name}.{version}"
