"""The project's containers: found by Compose's labels, stopped and removed through the API."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.models import Container, Replica

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
IMAGE_ID = "com.docker.compose.image"
CONFIG_HASH = "com.docker.compose.config-hash"
ONEOFF = "com.docker.compose.oneoff"
RELEASE = "videa.release"
DEFAULT_GRACE = 10
"""Seconds that Docker waits after the stop signal when the container asks for nothing else."""


def list_replicas(engine: Engine, project: str, service: str) -> list[Replica]:
    """The replicas of the service, running or not, by number. Raises EngineError."""
    found = [_inspect(engine, name) for name in _names(engine, project, service)]
    return sorted((_replica(details) for details in found if details), key=lambda replica: replica.number)


def find_container(engine: Engine, project: str, service: str) -> Container | None:
    """The one container of a service that has one, such as the balancer; None if there is none. Raises EngineError."""
    for name in _names(engine, project, service):
        details = _inspect(engine, name)
        if details:
            return _container(details)
    return None


def list_containers(engine: Engine, project: str) -> list[Container]:
    """Every container of the project except one-off ones, by name. Raises EngineError."""
    found = [_inspect(engine, name) for name in _names(engine, project)]
    return sorted((_container(details) for details in found if details), key=lambda container: container.name)


def start(engine: Engine, container: str) -> None:
    """Starts a container that has ended; one that runs is fine. Raises EngineError."""
    with engine_errors(f"start {container}"):
        engine.sdk.api.start(container)


def stop(engine: Engine, container: str) -> None:
    """Sends the stop signal and waits as long as the container's own grace period. One that is gone is fine.

    Raises EngineError.
    """
    with engine_errors(f"stop {container}", missing_ok=True):
        grace = engine.sdk.api.inspect_container(container)["Config"].get("StopTimeout") or DEFAULT_GRACE
        engine.sdk.api.stop(container, timeout=grace)


def remove(engine: Engine, container: str) -> None:
    """Removes a container with its anonymous volumes. One that is gone is fine. Raises EngineError."""
    with engine_errors(f"remove {container}", missing_ok=True):
        engine.sdk.api.remove_container(container, v=True, force=True)


def last_words(engine: Engine, container: str, lines: int = 20) -> str:
    """The end of a container's log, for the report of why it failed; empty when it is gone."""
    with engine_errors(f"read the log of {container}", missing_ok=True):
        output: bytes = engine.sdk.api.logs(container, tail=lines)
        return output.decode(errors="replace").strip()
    return ""


def release_of(labels: Mapping[str, str]) -> str:
    """The release that a container's labels tell: the one videa gave it, else a hash of its image and configuration."""
    return labels.get(RELEASE) or release_id(labels.get(IMAGE_ID, ""), labels.get(CONFIG_HASH, ""))


def release_id(image_id: str, config_hash: str) -> str:
    """Names a release by what it is: the image's digest and Compose's hash of the service's configuration."""
    return hashlib.sha256(f"{image_id}\n{config_hash}".encode()).hexdigest()[:10]


def _names(engine: Engine, project: str, service: str = "") -> list[str]:
    labels = [f"{PROJECT}={project}", f"{ONEOFF}=False"]
    if service:
        labels.append(f"{SERVICE}={service}")
    with engine_errors("list the containers"):
        return [row["Id"] for row in engine.sdk.api.containers(all=True, filters={"label": labels})]


def _inspect(engine: Engine, container: str) -> Mapping[str, Any]:
    """The engine's details of a container; empty when it went away since it was listed."""
    with engine_errors(f"inspect {container}", missing_ok=True):
        details: Mapping[str, Any] = engine.sdk.api.inspect_container(container)
        return details
    return {}


def _replica(details: Mapping[str, Any]) -> Replica:
    config, state = details["Config"], details["State"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    networks = details["NetworkSettings"].get("Networks") or {}
    return Replica(
        id=details["Id"],
        name=details["Name"].lstrip("/"),
        number=int(labels.get(NUMBER, 0)),
        service=labels.get(SERVICE, ""),
        release=release_of(labels),
        image=config["Image"],
        image_id=details["Image"],
        config_hash=labels.get(CONFIG_HASH, ""),
        state=state["Status"],
        health=_health(state),
        created=_time(details["Created"]),
        started=_time(state["StartedAt"]) if not state["StartedAt"].startswith("0001") else None,
        restarts=int(details.get("RestartCount", 0)),
        exit_code=int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
        networks={name: network.get("IPAddress", "") for name, network in networks.items()},
        pid=int(state.get("Pid", 0)),
    )


def _container(details: Mapping[str, Any]) -> Container:
    state = details["State"]
    return Container(
        id=details["Id"],
        name=details["Name"].lstrip("/"),
        service=(details["Config"].get("Labels") or {}).get(SERVICE, ""),
        state=state["Status"],
        health=_health(state),
        image=details["Config"]["Image"],
        restarts=int(details.get("RestartCount", 0)),
        exit_code=int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
    )


def _health(state: Mapping[str, Any]) -> str:
    return str((state.get("Health") or {}).get("Status", "none"))


def _time(text: str) -> datetime:
    """Docker's time, with up to nine digits of a second, as an aware datetime."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction or '0')[:6].ljust(6, '0')}").replace(tzinfo=UTC)
