"""Markers: containers that never run. Each has a unique name, labels, and one number that can change.

The engine stores them, so all users of the engine see the same ones from every machine. They have no label of Compose,
so ``docker compose`` neither lists nor changes them. Their image is empty and is created when needed.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ops.engine.answer import Refused
from ops.engine.client import Engine, engine_errors
from ops.models import Record

IMAGE_NAME, IMAGE_TAG = "videa-marker", "1"
FOLDER = "videa"
_POLICY = "on-failure"


def create(engine: Engine, name: str, labels: Mapping[str, str], number: int) -> str | None:
    """Creates the marker and returns its id; None if the name is in use. Raises EngineError."""
    with engine_errors(f"create {name}"):
        try:
            try:
                return _create(engine, name, labels, number)
            except Refused as error:
                if not error.missing:
                    raise
                # Not checked in advance: an engine with many images takes 50 ms to list one.
                import_image(engine)
                return _create(engine, name, labels, number)
        except Refused as error:
            if error.conflict:
                return None
            raise


def find(engine: Engine, name: str) -> Record | None:
    """The marker with this name or id; None if there is none. Raises EngineError."""
    with engine_errors(f"look for {name}", missing_ok=True):
        details = engine.api.inspect_container(name)
        return Record(
            id=details["Id"],
            labels=details["Config"]["Labels"] or {},
            number=int(details["HostConfig"]["RestartPolicy"]["MaximumRetryCount"]),
            created=datetime.fromisoformat(details["Created"][:19] + "+00:00"),
        )
    return None


def labelled(engine: Engine, label: str, value: str) -> list[Mapping[str, str]]:
    """All labels of each marker that has this label. Raises EngineError."""
    with engine_errors(f"look for {label}"):
        markers = engine.api.containers(all=True, filters={"label": f"{label}={value}"})
        return [marker["Labels"] for marker in markers]


def set_number(engine: Engine, marker_id: str, number: int) -> bool:
    """Changes the number; False if the marker does not exist. Raises EngineError."""
    with engine_errors("renew a marker", missing_ok=True):
        engine.api.update_container(marker_id, restart_policy=_policy(number))
        return True
    return False


def read(engine: Engine, marker_id: str, file: str = "") -> dict[str, bytes]:
    """The files that an older videa has written into the marker, by name, or only ``file``; empty if there are none.

    Raises EngineError.
    """
    with engine_errors("read a marker", missing_ok=True):
        packed = engine.api.get_archive(marker_id, f"/{FOLDER}/{file}".rstrip("/"))
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            files = {entry.name.rpartition("/")[2]: archive.extractfile(entry) for entry in archive if entry.isfile()}
            return {name: file.read() for name, file in files.items() if file}
    return {}


def rename(engine: Engine, marker_id: str, name: str) -> None:
    """Renames the marker. Raises EngineError if it does not exist or the name is in use."""
    with engine_errors(f"rename a marker to {name}"):
        engine.api.rename(marker_id, name)


def remove(engine: Engine, marker_id: str) -> None:
    """Removes the marker; a missing one is not an error. Raises EngineError."""
    with engine_errors("remove a marker", missing_ok=True):
        try:
            engine.api.remove_container(marker_id, force=True)
        except Refused as error:
            if not error.conflict:  # another process is removing it
                raise


def engine_time(engine: Engine) -> float:
    """The engine's clock in whole seconds of Unix time: all its users share this clock. Raises EngineError."""
    with engine_errors("report the time"):
        return parsedate_to_datetime(engine.api.request("GET", "/_ping").headers["date"]).timestamp()


def _create(engine: Engine, name: str, labels: Mapping[str, str], number: int) -> str:
    # The only number of a container that never ran that one call can change and one call can read. It has no effect: a
    # container that never started is never restarted.
    config = {
        "Image": f"{IMAGE_NAME}:{IMAGE_TAG}",
        "Cmd": ["-"],
        "Labels": dict(labels),
        "HostConfig": {"RestartPolicy": _policy(number)},
    }
    created = engine.api.create_container_from_config(config, name)
    return str(created["Id"])


def import_image(engine: Engine) -> None:
    """Creates the empty image. Raises EngineError."""
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    engine.sdk.api.import_image_from_data(empty.getvalue(), repository=IMAGE_NAME, tag=IMAGE_TAG)


def _policy(number: int) -> Any:
    return {"Name": _POLICY, "MaximumRetryCount": number}
