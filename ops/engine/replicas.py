"""The project's containers: lists them by Compose's labels, and starts, stops and removes them through the API."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeAlias

from ops.engine.answer import Refused
from ops.engine.client import Engine, engine_errors
from ops.engine.hooks import run_hooks
from ops.errors import EngineError
from ops.models import Container, Replica
from ops.platform.ports import Choice, any_name
from ops.releases import CONFIG_HASH, release_of

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
VOLUME = "com.docker.compose.volume"
NUMBER = "com.docker.compose.container-number"
ONEOFF = "com.docker.compose.oneoff"
WORKERS = 16
"""Maximum number of containers that are inspected in parallel; less than the client's connection pool."""
CFS_PERIOD = 100_000
"""The kernel's default scheduler period for a CPU quota, microseconds."""
CHECK_INTERVAL = 30.0
"""Docker's default interval and timeout of a health check, in seconds."""
HEALTH_OUTPUT = 300
"""Maximum length, in characters, of the output of a health check."""
DEFAULT_GRACE = 10
"""Docker's default time between the stop signal and the kill, in seconds."""
POST_START, PRE_STOP = "post_start", "pre_stop"
HOOK_TIMEOUT = 60.0
"""Seconds for all ``post_start`` hooks of a container."""
Services: TypeAlias = Mapping[str, Mapping[str, Any]]
NO_HOOKS: Services = {}


def list_replicas(engine: Engine, project: str, service: str, chosen: Choice = any_name) -> list[Replica]:
    """The ``chosen`` replicas of the service, running or not, ordered by number. Raises EngineError."""
    return sorted(map(read, inspect(engine, project, service, chosen=chosen)), key=lambda replica: replica.number)


def states(engine: Engine, project: str, service: str) -> dict[str, str]:
    """Name -> state of each container of the service, ordered by number, in one call. Raises EngineError."""
    rows = sorted(_rows(engine, project, service), key=lambda row: int(row["Labels"].get(NUMBER, 0)))
    return {_name(row): str(row["State"]) for row in rows}


def find_container(engine: Engine, project: str, service: str) -> Container | None:
    """The container of a service that has only one, such as the balancer; None if there is none. Raises EngineError."""
    return next(map(read, inspect(engine, project, service)), None)


def list_containers(engine: Engine, project: str) -> list[Container]:
    """Every container of the project except one-off ones, ordered by name. Raises EngineError."""
    return sorted(map(read, inspect(engine, project)), key=lambda container: container.name)


def inspect(
    engine: Engine, project: str, service: str = "", oneoffs: bool = False, chosen: Choice = any_name
) -> list[Mapping[str, Any]]:
    """The engine's details of the containers of the project, or of one service, running or not; queried in parallel.

    Without ``oneoffs``, the containers of ``docker compose run`` are omitted. Containers that are removed after they
    are listed are omitted, too. Each container costs a call, so only those with ``chosen`` names are inspected. Raises
    EngineError.
    """
    ids = [row["Id"] for row in _rows(engine, project, service, oneoffs) if chosen(_name(row))]
    if len(ids) < 2:
        inspected = [_inspect(engine, container) for container in ids]
    else:
        with ThreadPoolExecutor(min(WORKERS, len(ids))) as pool:
            inspected = list(pool.map(lambda container: _inspect(engine, container), ids))
    return [details for details in inspected if details]


def _rows(engine: Engine, project: str, service: str, oneoffs: bool = False) -> list[Mapping[str, Any]]:
    """A summary of the containers, in one call: see ``inspect``."""
    labels = [f"{PROJECT}={project}"]
    if not oneoffs:
        labels.append(f"{ONEOFF}=False")
    if service:
        labels.append(f"{SERVICE}={service}")
    with engine_errors("list the containers"):
        return engine.api.containers(all=True, filters={"label": labels})


def _name(row: Mapping[str, Any]) -> str:
    """The container's own name: links add others, such as "/web/db"."""
    names = [str(name).removeprefix("/") for name in row["Names"] or ()]
    return next((name for name in names if "/" not in name), "")


def read(details: Mapping[str, Any]) -> Container:
    """The container in the engine's ``details``."""
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
        health_output=_last_output(state.get("Health") or {}),
        first_check=_first_check(config.get("Healthcheck") or {}),
    )


def start(engine: Engine, container: str, services: Services = NO_HOOKS) -> None:
    """Starts a container, and runs its ``post_start`` hooks; a running one is not an error. Raises EngineError.

    ``services``: those of the Compose file, with their hooks.
    """
    hooked = any((definition or {}).get(POST_START) for definition in services.values())
    with engine_errors(f"start {container}"):
        details = engine.api.inspect_container(container) if hooked else {}
        engine.api.start(container)
    if details and not details["State"].get("Running"):
        after_start(engine, container, _hooks(details, services, POST_START))


def after_start(engine: Engine, container: str, hooks: Sequence[Mapping[str, Any]]) -> None:
    """Runs the ``post_start`` hooks of a container that has just started. Raises EngineError if one fails."""
    if failed := run_hooks(engine, container, POST_START, hooks, HOOK_TIMEOUT):
        raise EngineError(failed, f"see its log: docker logs {container}")


def stop(engine: Engine, container: str, at_most: int | None = None, services: Services = NO_HOOKS) -> str:
    """Runs the ``pre_stop`` hooks, sends the stop signal and waits for the container's grace period.

    A missing container is not an error. The hooks together also have the time of one grace period. ``at_most``:
    seconds, for a shorter wait; ``services``: those of the Compose file, with their hooks. Returns why a hook has
    failed: the container is stopped anyway. Raises EngineError.
    """
    failed = ""
    with engine_errors(f"stop {container}", missing_ok=True):
        details = engine.api.inspect_container(container)
        if details["State"].get("Paused"):  # a paused container does not receive the signal
            engine.api.unpause(container)
        grace = details["Config"].get("StopTimeout")
        grace = DEFAULT_GRACE if grace is None else grace
        seconds = grace if at_most is None else min(grace, at_most)
        hooks = _hooks(details, services, PRE_STOP)
        if hooks and details["State"].get("Running"):
            try:
                failed = run_hooks(engine, container, PRE_STOP, hooks, seconds)
            except EngineError as error:
                failed = error.message
        engine.api.stop(container, timeout=seconds)
    return failed


def remove(engine: Engine, container: str) -> None:
    """Removes a container and its anonymous volumes. A missing one is not an error. Raises EngineError."""
    with engine_errors(f"remove {container}", missing_ok=True):
        engine.api.remove_container(container, v=True, force=True)


def remove_volumes(engine: Engine, project: str, names: Collection[str]) -> None:
    """Removes volumes of a project, by their names in the Compose file. Raises EngineError."""
    with engine_errors("remove the volumes", missing_ok=True):
        for volume in engine.api.volumes({"label": f"{PROJECT}={project}"}).get("Volumes") or ():
            if (volume.get("Labels") or {}).get(VOLUME) in names:
                engine.api.remove_volume(volume["Name"])


def discard(engine: Engine, container: str) -> None:
    """Removes a container that is not running; a running or a missing one is not an error. Raises EngineError."""
    with engine_errors(f"remove {container}", missing_ok=True):
        try:
            engine.api.remove_container(container, v=True)
        except Refused as error:
            if not error.conflict:
                raise


def last_words(engine: Engine, container: str, lines: int = 20) -> str:
    """The end of a container's log, to explain its failure; empty if it is removed. Raises EngineError."""
    with engine_errors(f"read the log of {container}", missing_ok=True):
        try:
            output = engine.api.logs(container, tail=lines)
        except Refused as error:
            if error.conflict:  # it is being removed
                return ""
            raise
        return output.decode(errors="replace").strip()
    return ""


def _hooks(details: Mapping[str, Any], services: Services, name: str) -> Sequence[Mapping[str, Any]]:
    """The hooks of a container's service; none for a one-off container."""
    labels: Mapping[str, str] = details["Config"].get("Labels") or {}
    definition = {} if labels.get(ONEOFF) == "True" else services.get(labels.get(SERVICE, "")) or {}
    return definition.get(name) or ()


def _inspect(engine: Engine, container: str) -> Mapping[str, Any]:
    """The engine's details of a container; empty if it was removed after it was listed."""
    with engine_errors(f"inspect {container}", missing_ok=True):
        return engine.api.inspect_container(container)
    return {}


def _last_output(health: Mapping[str, Any]) -> str:
    entries = health.get("Log") or []
    return str(entries[-1].get("Output", "")).strip()[:HEALTH_OUTPUT] if entries else ""


def _first_check(check: Mapping[str, Any]) -> float:
    """Seconds from a start until the end of the first health check; 0 without one."""
    if (check.get("Test") or ["NONE"]) == ["NONE"]:
        return 0.0
    often = check.get("StartInterval") if check.get("StartPeriod") else None
    interval = often or check.get("Interval") or CHECK_INTERVAL * 1e9
    return float((interval + (check.get("Timeout") or CHECK_INTERVAL * 1e9)) / 1e9)


def _cpu_limit(limits: Mapping[str, Any]) -> float | None:
    """The limit in cores, set by ``cpus`` or by ``cpu_quota`` and ``cpu_period``; None without one."""
    if limits.get("NanoCpus"):
        return float(limits["NanoCpus"]) / 1e9
    quota = limits.get("CpuQuota") or 0
    return quota / (limits.get("CpuPeriod") or CFS_PERIOD) if quota > 0 else None
