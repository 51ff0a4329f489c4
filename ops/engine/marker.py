"""Containers that never run: a name that only one can have, labels, one number that can change, and a few files.

The engine itself keeps them, so whoever uses the engine, from whatever machine, sees the same. They carry no label of
Compose: ``docker compose`` neither lists nor touches them. Their image is empty and made on the spot.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import docker.errors

from ops.engine.client import Engine, engine_errors
from ops.models import Record

IMAGE_NAME, IMAGE_TAG = "videa-marker", "1"
FOLDER = "videa"
_POLICY = "on-failure"


def create(engine: Engine, name: str, labels: Mapping[str, str], number: int) -> str | None:
    """Makes the marker and answers its id; None when there is one of that name. Raises EngineError."""
    with engine_errors(f"create {name}"):
        _ensure_image(engine)
        try:
            # The engine has no number on a container that never ran but this one that it lets one change and read
            # back in one call each. It is never used: a container that never started is never restarted.
            host = engine.sdk.api.create_host_config(restart_policy=_policy(number))
            made = engine.sdk.api.create_container(
                f"{IMAGE_NAME}:{IMAGE_TAG}", ["-"], name=name, labels=dict(labels), host_config=host
            )
            return str(made["Id"])
        except docker.errors.APIError as error:
            if error.status_code == HTTPStatus.CONFLICT:
                return None
            raise


def find(engine: Engine, name: str) -> Record | None:
    """The marker of that name, None if there is none. Raises EngineError."""
    with engine_errors(f"look for {name}", missing_ok=True):
        found = engine.sdk.api.inspect_container(name)
        return Record(
            id=found["Id"],
            labels=found["Config"]["Labels"] or {},
            number=int(found["HostConfig"]["RestartPolicy"]["MaximumRetryCount"]),
            created=datetime.fromisoformat(found["Created"][:19] + "+00:00"),
        )
    return None


def labelled(engine: Engine, label: str, value: str) -> list[Mapping[str, str]]:
    """All labels of each marker that has this one. Raises EngineError."""
    with engine_errors(f"look for {label}"):
        found = engine.sdk.api.containers(all=True, filters={"label": f"{label}={value}"})
        return [each["Labels"] for each in found]


def set_number(engine: Engine, marker_id: str, number: int) -> bool:
    """Changes the number; False when the marker is gone. Raises EngineError."""
    with engine_errors("renew a marker", missing_ok=True):
        engine.sdk.api.update_container(marker_id, restart_policy=_policy(number))
        return True
    return False


def write(engine: Engine, marker_id: str, files: Mapping[str, bytes]) -> bool:
    """Puts files into the marker; False when it is gone. Raises EngineError."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    with engine_errors("write into a marker", missing_ok=True):
        engine.sdk.api.put_archive(marker_id, "/", packed.getvalue())
        return True
    return False


def read(engine: Engine, marker_id: str, file: str = "") -> dict[str, bytes]:
    """The files of the marker by name, or just one; none when it or they are gone. Raises EngineError."""
    with engine_errors("read a marker", missing_ok=True):
        chunks, _ = engine.sdk.api.get_archive(marker_id, f"/{FOLDER}/{file}".rstrip("/"))
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            files = {entry.name.rpartition("/")[2]: archive.extractfile(entry) for entry in archive if entry.isfile()}
            return {name: file.read() for name, file in files.items() if file}
    return {}


def remove(engine: Engine, marker_id: str) -> None:
    """Removes the marker; one that is gone is fine. Raises EngineError."""
    with engine_errors("remove a marker", missing_ok=True):
        engine.sdk.api.remove_container(marker_id, force=True)


def engine_time(engine: Engine) -> float:
    """The engine's clock, whole seconds since the epoch: the one clock that all its users share. Raises EngineError."""
    with engine_errors("tell the time"):
        api = engine.sdk.api
        return parsedate_to_datetime(api.get(f"{api.base_url}/_ping").headers["Date"]).timestamp()


def _ensure_image(engine: Engine) -> None:
    api = engine.sdk.api
    if api.images(f"{IMAGE_NAME}:{IMAGE_TAG}"):
        return
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    api.import_image_from_data(empty.getvalue(), repository=IMAGE_NAME, tag=IMAGE_TAG)


def _policy(number: int) -> Any:
    return {"Name": _POLICY, "MaximumRetryCount": number}
