"""A service of the merged Compose model as the ServiceSpec of a swarm. Pure.

`docker stack deploy` rejects some Compose keys and silently ignores others, so the specs are made here. Keys that would
be ignored are refused by ``unsupported``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.project.mappings import as_mapping
from ops.swarm import labels
from ops.swarm.mounts import mounts
from ops.swarm.values import NANO, as_list, in_bytes, nanoseconds, plain, text, words

SUFFIX = "-swarm"
"""The suffix of the names of overlay networks."""

RESTART_DELAY = 1
"""Seconds until an ended task is replaced; Swarm's default of 5 is for larger services."""

TRANSLATED = {
    *(
        "image",
        "command",
        "entrypoint",
        "environment",
        "hostname",
        "user",
        "group_add",
        "working_dir",
        "labels",
        "init",
    ),
    *("read_only", "tmpfs", "shm_size", "volumes", "healthcheck", "stop_signal", "stop_grace_period", "cap_add"),
    *("cap_drop", "security_opt", "sysctls", "extra_hosts", "dns", "dns_search", "ulimits", "tty", "stdin_open"),
    *(
        "ports",
        "networks",
        "secrets",
        "configs",
        "logging",
        "deploy",
        "restart",
        "cpus",
        "mem_limit",
        "mem_reservation",
        "pids_limit",
    ),
}
WITHOUT_EFFECT = {
    *("build", "depends_on", "profiles", "container_name", "expose", "pull_policy", "platform", "scale", "develop"),
    *("attach",),
}
"""Keys that matter only before a service is created, or that do not affect its container."""

_CONDITIONS = {"no": "none", "on-failure": "on-failure", "always": "any", "unless-stopped": "any"}
_NEW_PRIVILEGES = ("no-new-privileges:true", "no-new-privileges=true", "no-new-privileges")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Swarm service to create. ``image``: the reference for the nodes; ``reference``: the user's name for it.

    ``name``: also its DNS name; ``number``: within the service; ``node``: id of the only node that may run it, "" for
    any; ``running``: whether it starts at once; ``once``: a task that ends is not replaced. ``files``: from
    ``ops.swarm.files.provide``.
    """

    project: str
    service: str
    name: str
    number: int
    image: str
    reference: str
    image_id: str
    config_hash: str
    release: str
    node: str = ""
    placed: bool = False
    running: bool = False
    once: bool = False
    oneoff: bool = False
    command: tuple[str, ...] = ()
    files: Mapping[str, Any] = field(default_factory=dict, hash=False)


def unsupported(model: Mapping[str, Any], service: str) -> list[str]:
    """The keys of a service that have no equivalent in Swarm, such as ``privileged``."""
    definition: Mapping[str, Any] = model["services"][service]
    known = TRANSLATED | WITHOUT_EFFECT
    keys = [key for key, value in definition.items() if key not in known and not key.startswith("x-") and value]
    options = [f"security_opt {each}" for each in definition.get("security_opt") or () if each not in _NEW_PRIVILEGES]
    return [*keys, *options]


def on_one_node(definition: Mapping[str, Any]) -> bool:
    """Whether a service uses files of one node: a volume of the local driver, or a folder of the host."""
    return any(mount.get("type") in ("volume", "bind") for mount in definition.get("volumes") or ())


def service_spec(model: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The ServiceSpec of one replica, or of another service."""
    definition: Mapping[str, Any] = model["services"][wanted.service]
    own = {
        labels.PROJECT: wanted.project,
        labels.SERVICE: wanted.service,
        labels.NUMBER: str(wanted.number),
        labels.RELEASE: wanted.release or str(as_mapping(definition.get("labels")).get(labels.RELEASE) or ""),
    }
    return {
        "Name": wanted.name,
        "Labels": {
            **own,
            labels.STACK: wanted.project,
            labels.CONFIG_HASH: wanted.config_hash,
            labels.IMAGE: wanted.reference,
            labels.IMAGE_ID: wanted.image_id,
            labels.STATE: labels.STARTED if wanted.running else labels.CREATED,
            **({labels.PLACED: wanted.node} if wanted.placed else {}),
            **({labels.ONEOFF: "true"} if wanted.oneoff else {}),
        },
        "TaskTemplate": {
            "ContainerSpec": _container(definition, model, wanted, own),
            "Resources": _resources(definition),
            "RestartPolicy": _restart(definition, wanted.once),
            "Placement": {"Constraints": constraints(wanted.node)},
            "Networks": list(_networks(definition, model, wanted)),
            **_log_driver(definition),
        },
        "Mode": {"Replicated": {"Replicas": int(wanted.running)}},
        # A new task only after the old one has ended: both would have the same name, ports and volumes.
        "UpdateConfig": {"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"},
        "EndpointSpec": {"Mode": "dnsrr", "Ports": [] if wanted.oneoff else list(_ports(definition))},
    }


def constraints(node: str) -> list[str]:
    """The placement constraint for one node; none for ""."""
    return [f"node.id=={node}"] if node else []


def network_spec(model: Mapping[str, Any], project: str, name: str) -> dict[str, Any]:
    """The overlay network for a network of the Compose file."""
    network = (model.get("networks") or {}).get(name) or {}
    return {
        "Name": network_name(model, project, name),
        "CheckDuplicate": True,
        "Driver": "overlay",
        "Attachable": True,
        "Internal": bool(network.get("internal")),
        "Options": {str(key): str(value) for key, value in (network.get("driver_opts") or {}).items()},
        "Labels": {**text(as_mapping(network.get("labels"))), labels.PROJECT: project, labels.STACK: project},
    }


def network_name(model: Mapping[str, Any], project: str, name: str) -> str:
    """The name of the overlay network. Compose's network has another name, so both can exist while a project moves."""
    network = (model.get("networks") or {}).get(name) or {}
    own = str(network.get("name") or f"{project}_{name}")
    return own if network.get("external") else f"{own}{SUFFIX}"


def networks_of(definition: Mapping[str, Any]) -> list[str]:
    """The networks of a service, by their names in the Compose file."""
    return list(definition.get("networks") or ["default"])


def _container(
    definition: Mapping[str, Any], model: Mapping[str, Any], wanted: Wanted, own: Mapping[str, str]
) -> dict[str, Any]:
    environment = as_mapping(definition.get("environment"))
    entrypoint, command = words(definition.get("entrypoint")), words(definition.get("command"))
    spec: dict[str, Any] = {
        "Image": wanted.image,
        "Labels": {**text(as_mapping(definition.get("labels"))), **own},
        "Env": [f"{name}={plain(value)}" for name, value in environment.items() if value is not None],
        "Mounts": list(mounts(definition, model, wanted.project)),
        "Command": entrypoint,
        "Args": list(wanted.command) or command,
        "Dir": definition.get("working_dir"),
        "User": definition.get("user"),
        "Groups": [str(group) for group in definition.get("group_add") or ()],
        "Hostname": definition.get("hostname"),
        "Init": definition.get("init"),
        "ReadOnly": definition.get("read_only"),
        "TTY": definition.get("tty"),
        "OpenStdin": definition.get("stdin_open"),
        "StopSignal": definition.get("stop_signal"),
        "StopGracePeriod": nanoseconds(definition.get("stop_grace_period")),
        "CapabilityAdd": list(definition.get("cap_add") or ()),
        "CapabilityDrop": list(definition.get("cap_drop") or ()),
        "Sysctls": text(as_mapping(definition.get("sysctls"))),
        "Hosts": list(_hosts(definition.get("extra_hosts"))),
        "Ulimits": list(_ulimits(definition.get("ulimits") or {})),
        "Healthcheck": {"Test": ["NONE"]} if wanted.oneoff else _health(definition.get("healthcheck")),
        "DNSConfig": {"Nameservers": as_list(definition.get("dns")), "Search": as_list(definition.get("dns_search"))},
        "Privileges": {"NoNewPrivileges": True} if definition.get("security_opt") else None,
        **wanted.files,
    }
    return {name: value for name, value in spec.items() if value not in (None, [], {}, "")}


def _health(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not check:
        return None
    if check.get("disable"):
        return {"Test": ["NONE"]}
    times = {
        "Interval": "interval",
        "Timeout": "timeout",
        "StartPeriod": "start_period",
        "StartInterval": "start_interval",
    }
    found = {name: nanoseconds(check.get(key)) for name, key in times.items()}
    test = check.get("test")
    asked = ["CMD-SHELL", test] if isinstance(test, str) else test
    spec = {"Test": asked, "Retries": int(check["retries"]) if "retries" in check else None, **found}
    return {name: value for name, value in spec.items() if value is not None}


def _resources(definition: Mapping[str, Any]) -> dict[str, Any]:
    resources = (definition.get("deploy") or {}).get("resources") or {}
    limits, reservations = dict(resources.get("limits") or {}), dict(resources.get("reservations") or {})
    for key, name, kind in (
        ("cpus", "cpus", limits),
        ("mem_limit", "memory", limits),
        ("pids_limit", "pids", limits),
        ("mem_reservation", "memory", reservations),
    ):
        if definition.get(key):
            kind.setdefault(name, definition[key])
    return {"Limits": _amounts(limits), "Reservations": _amounts(reservations)}


def _amounts(given: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    if given.get("cpus"):
        found["NanoCPUs"] = int(float(given["cpus"]) * NANO)
    if given.get("memory"):
        found["MemoryBytes"] = in_bytes(given["memory"])
    if given.get("pids"):
        found["Pids"] = int(given["pids"])
    return found


def _restart(definition: Mapping[str, Any], once: bool) -> dict[str, Any]:
    policy = (definition.get("deploy") or {}).get("restart_policy") or {}
    kind, _, attempts = str(definition.get("restart") or "always").partition(":")
    condition = "none" if once else str(policy.get("condition") or _CONDITIONS.get(kind, "any"))
    spec = {"Condition": condition, "Delay": nanoseconds(policy.get("delay")) or RESTART_DELAY * NANO}
    most = policy.get("max_attempts") or attempts
    return {**spec, "MaxAttempts": int(most)} if most else spec


def _networks(definition: Mapping[str, Any], model: Mapping[str, Any], wanted: Wanted) -> Iterator[dict[str, Any]]:
    given = definition.get("networks") or {}
    for name in networks_of(definition):
        more = (given.get(name) or {}).get("aliases") or [] if isinstance(given, dict) else []
        # The name of the service itself stands for all of its replicas, as with Compose.
        aliases = [] if wanted.oneoff else [wanted.service, *more]
        yield {"Target": network_name(model, wanted.project, name), "Aliases": aliases}


def _ports(definition: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for port in definition.get("ports") or ():
        published = str(port.get("published") or "")
        yield {
            "Protocol": port.get("protocol") or "tcp",
            "TargetPort": int(port["target"]),
            **({"PublishedPort": int(published)} if published.isdecimal() else {}),
            "PublishMode": "host",
        }


def _log_driver(definition: Mapping[str, Any]) -> dict[str, Any]:
    logging = definition.get("logging")
    if not logging:
        return {}
    return {"LogDriver": {"Name": logging.get("driver") or "", "Options": text(logging.get("options") or {})}}


def _ulimits(ulimits: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, limit in ulimits.items():
        soft, hard = (limit["soft"], limit["hard"]) if isinstance(limit, dict) else (limit, limit)
        yield {"Name": name, "Soft": int(soft), "Hard": int(hard)}


def _hosts(hosts: object) -> Iterator[str]:
    """Lines of /etc/hosts from entries such as "db=10.0.0.5"."""
    pairs = hosts.items() if isinstance(hosts, dict) else (_pair(str(host)) for host in as_list(hosts))
    for name, address in pairs:
        yield f"{address} {name}"


def _pair(entry: str) -> tuple[str, str]:
    name, _, address = entry.partition("=" if "=" in entry else ":")
    return name, address
