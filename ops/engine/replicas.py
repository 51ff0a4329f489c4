"""The project's containers: found by Compose's labels, stopped and removed through the API."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.models import Container, Replica
from ops.releases import CONFIG_HASH, release_of

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONEOFF = "com.docker.compose.oneoff"
WORKERS = 16
"""Containers that are inspected at once, within the connections that the client keeps."""
CFS_PERIOD = 100_000
"""Microseconds in which the kernel's scheduler counts a quota, where the container names no other period."""
DEFAULT_GRACE = 10
"""Seconds that Docker waits after the stop signal when the container asks for nothing else."""


def list_replicas(engine: Engine, project: str, service: str) -> list[Replica]:
    """The replicas of the service, running or not, by number. Raises EngineError."""
    return sorted(map(read, inspect(engine, project, service)), key=lambda replica: replica.number)


def find_container(engine: Engine, project: str, service: str) -> Container | None:
    """The one container of a service that has one, such as the balancer; None if there is none. Raises EngineError."""
    return next(map(read, inspect(engine, project, service)), None)


def list_containers(engine: Engine, project: str) -> list[Container]:
    """Every container of the project except one-off ones, by name. Raises EngineError."""
    return sorted(map(read, inspect(engine, project)), key=lambda container: container.name)


def inspect(engine: Engine, project: str, service: str = "", oneoffs: bool = False) -> list[Mapping[str, Any]]:
    """The engine's details of the project's containers, or of one service's, running or not; all asked at once.

    Those that went away since they were listed are left out, as are those of ``docker compose run`` without
    ``oneoffs``. Raises EngineError.
    """
    labels = [f"{PROJECT}={project}"]
    if not oneoffs:
        labels.append(f"{ONEOFF}=False")
    if service:
        labels.append(f"{SERVICE}={service}")
    with engine_errors("list the containers"):
        names = [row["Id"] for row in engine.sdk.api.containers(all=True, filters={"label": labels})]
    if len(names) < 2:
        found = [_inspect(engine, name) for name in names]
    else:
        with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
            found = list(pool.map(lambda name: _inspect(engine, name), names))
    return [details for details in found if details]


def read(details: Mapping[str, Any]) -> Container:
    """The container that the engine's details tell of."""
    config, state = details["Config"], details["State"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    limits: Mapping[str, Any] = details.get("HostConfig") or {}
    networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
    started = str(state["StartedAt"])
    return Container(
        id=details["Id"],
        name=details["Name"].lstrip("/"),
        service=labels.get(SERVICE, ""),
        state=state["Status"],
        health=str((state.get("Health") or {}).get("Status", "none")),
        image=config["Image"],
        restarts=int(details.get("RestartCount", 0)),
        exit_code=int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
        number=int(labels.get(NUMBER, 0)),
        release=release_of(labels),
        image_id=details["Image"],
        config_hash=labels.get(CONFIG_HASH, ""),
        created=datetime.fromisoformat(details["Created"]),
        started=None if started.startswith("0001") else datetime.fromisoformat(started),
        networks={name: network.get("IPAddress", "") for name, network in networks.items()},
        pid=int(state.get("Pid", 0)),
        cpu_limit=_cpu_limit(limits),
        memory_limit=limits.get("Memory") or None,
        oneoff=labels.get(ONEOFF, "False") == "True",
    )


def start(engine: Engine, container: str) -> None:
    """Starts a container that has ended; one that runs is fine. Raises EngineError."""
    with engine_errors(f"start {container}"):
        engine.sdk.api.start(container)


def stop(engine: Engine, container: str) -> None:
    """Sends the stop signal and waits as long as the container's own grace period. One that is gone is fine.

    Raises EngineError.
    """
    with engine_errors(f"stop {container}", missing_ok=True):
        details = engine.sdk.api.inspect_container(container)
        if details["State"].get("Paused"):  # it would not see the signal
            engine.sdk.api.unpause(container)
        grace = details["Config"].get("StopTimeout") or DEFAULT_GRACE
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


def _inspect(engine: Engine, container: str) -> Mapping[str, Any]:
    """The engine's details of a container; empty when it went away since it was listed."""
    with engine_errors(f"inspect {container}", missing_ok=True):
        details: Mapping[str, Any] = engine.sdk.api.inspect_container(container)
        return details
    return {}


def _cpu_limit(limits: Mapping[str, Any]) -> float | None:
    """Cores, however they were limited: ``cpus``, or ``cpu_quota`` within ``cpu_period``."""
    if limits.get("NanoCpus"):
        return float(limits["NanoCpus"]) / 1e9
    quota = limits.get("CpuQuota") or 0
    return quota / (limits.get("CpuPeriod") or CFS_PERIOD) if quota > 0 else None
