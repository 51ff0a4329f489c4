"""Volumes that no container mounts, as a place for a few bytes: the content is in their labels.

The engine creates one in 1 ms, and removes or lists it as fast; a file in a container costs it 50 ms of CPU, because it
starts a process of its own to unpack it. No Compose file declares these volumes, so `docker compose down -v` leaves
them. They have mount options, which nothing uses, because `docker volume prune` and `docker system prune --volumes`
leave volumes with options (moby, volume/service/service.go: "intentionally skips volumes with mount options").
"""

from __future__ import annotations

import secrets
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping

from ops.engine.answer import Refused
from ops.engine.client import Engine, engine_errors

_WRITER = "videa.document.writer"
_OPTIONS = {"type": "tmpfs", "device": "tmpfs"}
_FASTEST = 1


def create(engine: Engine, name: str, labels: Mapping[str, str]) -> bool:
    """Creates the volume; False if the name is in use, so one of several callers wins. Raises EngineError."""
    writer = secrets.token_hex(8)
    with engine_errors(f"write {name}"):
        created = engine.api.create_volume(name, {**labels, _WRITER: writer}, _OPTIONS)
    return (created["Labels"] or {}).get(_WRITER) == writer  # the engine returns the volume that exists


def labelled(engine: Engine, label: str, value: str = "") -> list[tuple[str, Mapping[str, str]]]:
    """The name and the labels of each volume with this label, whatever its value is without ``value``.

    Raises EngineError.
    """
    with engine_errors(f"read {value or label}"):
        wanted = f"{label}={value}" if value else label
        volumes = engine.api.volumes(filters={"label": wanted})["Volumes"] or []
        return [(volume["Name"], volume["Labels"]) for volume in volumes]


def remove(engine: Engine, name: str) -> None:
    """Raises EngineError; a missing volume, or one that somebody mounts by hand, is not an error."""
    with engine_errors(f"remove {name}", missing_ok=True):
        try:
            engine.api.remove_volume(name)
        except Refused as error:
            if not error.conflict:
                raise


def packed(content: bytes) -> str:
    """The content as the value of a label."""
    return b64encode(zlib.compress(content, _FASTEST)).decode()


def unpacked(label: str) -> bytes | None:
    """The content in a label; None if it is damaged."""
    try:
        return zlib.decompress(b64decode(label)) if label else b""
    except (Base64Error, zlib.error):
        return None
