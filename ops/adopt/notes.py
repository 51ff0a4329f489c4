"""What prevents a service from having replicas that lose no requests, and the line to change. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ops.adopt.sharing import unshared
from ops.project.mappings import as_mapping


class Weight(Enum):
    """``SOLVED``: the overlay handles it; ``ADVICE``: the user should handle it; ``REFUSED``: init stops."""

    SOLVED = "solved"
    ADVICE = "advice"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Note:
    """``key``: path of keys in the Compose file; ``what``: one line; ``change``: what to write, "" if nothing."""

    weight: Weight
    key: tuple[str, ...]
    what: str
    change: str = ""


def obstacles(
    service: str, spec: Mapping[str, Any], written: Mapping[str, Any], checked: bool, shared: Collection[str]
) -> Iterator[Note]:
    """The obstacles in a service's definition.

    ``written``: without interpolation; ``checked``: a health path or Docker's health check shows its health;
    ``shared``: sources and targets of volumes that replicas may share.
    """
    yield from only_one(service, spec)
    place = ("services", service)
    if name := spec.get("container_name"):
        yield Note(
            Weight.SOLVED,
            (*place, "container_name"),
            f"two containers cannot share the name {name}; the overlay drops it, and other containers still find the "
            f"service as {name}",
        )
    if written.get("label_file"):
        yield Note(
            Weight.REFUSED,
            (*place, "label_file"),
            "with a label_file, it is not known whether a replica is up to date: `docker compose config --hash` does "
            "not count that file as `docker compose up` does",
            "write its labels below labels",
        )
    for number, volume in unshared(spec, shared):
        shown = _as_written(written.get("volumes") or (), number) or f"{volume['source']}:{volume['target']}"
        yield Note(
            Weight.ADVICE,
            (*place, "volumes"),
            f"videa refuses a second replica, because both would write {volume['target']} at the same time",
            f"- {shown}:ro; or, if replicas may share it (uploads, mostly): videa init --share {volume['target']}",
        )
    if not checked:
        yield Note(
            Weight.ADVICE,
            (*place, "healthcheck"),
            "nothing tells whether a new replica is ready, only that its port is open",
            "x-videa.health: {ready: /PATH}, or a healthcheck",
        )
    if not _memory(spec):
        yield Note(
            Weight.ADVICE,
            (*place, "deploy"),
            "no memory limit: one replica can take the memory of all",
            "deploy: {resources: {limits: {memory: 512M}}}",
        )


def why_alone(spec: Mapping[str, Any], written: Mapping[str, Any], running: bool, shared: Collection[str] = ()) -> str:
    """Why a service that gets no requests cannot have several replicas; "" if it can.

    Without a restart policy it may be a task that runs once, unless it is ``running``. ``shared``: volumes that
    replicas may share.
    """
    policy = (spec.get("deploy") or {}).get("restart_policy") or {}
    if not running and spec.get("restart") not in ("always", "unless-stopped") and policy.get("condition") != "any":
        return "nothing tells whether it runs on; with restart: unless-stopped, or started first, it can be scaled"
    if spec.get("ports"):
        return "it publishes a port"
    if name := spec.get("container_name"):
        return f"two containers cannot share the name {name}; without container_name it can be scaled"
    notes = obstacles("", spec, written, True, shared)
    return next((note.what for note in notes if note.key[-1] != "deploy" or note.weight is not Weight.ADVICE), "")


def only_one(service: str, spec: Mapping[str, Any]) -> Iterator[Note]:
    """Settings that replicas on one host cannot share and the overlay cannot remove without changing the service."""
    place = ("services", service)
    if mode := str(spec.get("network_mode") or ""):
        yield Note(
            Weight.REFUSED,
            (*place, "network_mode"),
            f"with network_mode: {mode}, {_without_network(mode)}",
            "remove network_mode and publish the port",
        )
    if (spec.get("deploy") or {}).get("mode") == "global":
        yield Note(Weight.REFUSED, (*place, "deploy"), "a global service has one container", "remove mode: global")
    if address := spec.get("mac_address"):
        yield Note(
            Weight.REFUSED, (*place, "mac_address"), f"two replicas cannot share {address}", "remove mac_address"
        )
    for name, network in as_mapping(spec.get("networks")).items():
        if fixed := next(
            (key for key in ("ipv4_address", "ipv6_address", "mac_address") if (network or {}).get(key)), ""
        ):
            yield Note(
                Weight.REFUSED,
                (*place, "networks", name, fixed),
                f"two replicas cannot share {network[fixed]}",
                f"remove {fixed}; other containers find the service by its name",
            )


def companions(services: Collection[str], model: Mapping[str, Any], fronts: Collection[str] = ()) -> Iterator[Note]:
    """Services that depend on a specific container of ``services``, and would lose it when it is replaced.

    ``fronts``: proxies that will name the balancer instead.
    """
    for name, spec in model["services"].items():
        for key in ("network_mode", "pid", "ipc"):
            mode, _, target = str(spec.get(key) or "").partition(":")
            if mode == "service" and target in services:
                yield Note(
                    Weight.REFUSED,
                    ("services", name, key),
                    f"{name} shares what one container of {target} has, and would lose it at each deploy",
                    f"remove {key} from it; it reaches {target} by its name, at the balancer",
                )
        for source in map(str, spec.get("volumes_from") or ()):
            target = source.partition(":")[0]
            if target in services:
                yield Note(
                    Weight.REFUSED,
                    ("services", name, "volumes_from"),
                    f"{name} has the volumes of one container of {target}, and Compose replaces it after each deploy",
                    f"remove volumes_from, and mount the volumes of {target} that it needs by their names",
                )
        for link in map(str, spec.get("links") or ()):
            target, _, alias = link.partition(":")
            if target in services and name not in fronts:
                other = alias if alias != target else ""
                yield Note(
                    Weight.REFUSED,
                    ("services", name, "links"),
                    f"links: [{link}] ties {name} to one container of {target}, and after a deploy {name} would "
                    "no longer find it",
                    f"remove it: {name} finds {target} by its name"
                    + (
                        f"; for {other}: services.{target}.networks: {{default: {{aliases: [{other}]}}}}"
                        if other
                        else ""
                    )
                    + f"; then: docker compose up -d {name}",
                )


def _without_network(mode: str) -> str:
    if mode == "host":
        return "two replicas would listen on the same port"
    if mode.startswith(("service:", "container:")):
        return "two replicas would share the network of one container"
    return "the balancer cannot find the replicas by name"


def _as_written(volumes: Sequence[object], number: int) -> str:
    """A volume in the short syntax, if the user wrote it so and without a mode."""
    entry = volumes[number] if number < len(volumes) else None
    return entry if isinstance(entry, str) and not entry.endswith((":rw", ":z", ":Z")) else ""


def _memory(spec: Mapping[str, Any]) -> bool:
    limits = ((spec.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return bool(limits.get("memory") or spec.get("mem_limit"))
