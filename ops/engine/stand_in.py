"""Stand-ins on a Docker Engine: a copy of the balancer's container, and a container that redirects connections to it.

Docker binds a port when it starts a container, and frees it only when that container has ended. Meanwhile the kernel
can send new connections to another port of the machine. A process in the host's network that has only CAP_NET_ADMIN
owns the rules for this, which end with the process: see redirect.pl.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ops.engine import recreate
from ops.engine.client import Engine, engine_errors
from ops.engine.files import copy_files
from ops.engine.replicas import ONEOFF
from ops.errors import EngineError

LIFE = 900
"""Seconds after which both containers end by themselves if videa is killed: enough for a slow application."""

GRACE = 60
"""Seconds that the stand-in has to complete its requests. nginx ends the longest requests after the drain timeout."""

BEGINS = 15.0
"""Seconds within which the redirection must begin."""
LOOK_AGAIN = 0.03

SPOOL = "/var/spool/videa"
"""Where nginx stores request bodies. A container empties this folder when it starts, so two cannot share it."""

ANY = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
_BOUNDED = f'(sleep {LIFE}; kill -QUIT 1) & exec "$@"'
"""Runs a command that ends after LIFE. `timeout` cannot run as the first process of a container."""

_OF_TASKS = "com.docker.swarm."
REDIRECTING = b"redirecting"
ISOLATED: Mapping[str, Any] = {
    "NetworkMode": "host",
    "UsernsMode": "host",
    "CapDrop": ["ALL"],
    "CapAdd": ["NET_ADMIN"],
    "SecurityOpt": ["no-new-privileges", "label=disable"],
    "ReadonlyRootfs": True,
    "PidsLimit": 8,
    "Memory": 64 * 2**20,
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
}


@dataclass(frozen=True)
class EngineStandIns:
    """``ops.platform.stand_in_ports.StandIns``."""

    engine: Engine

    def obstacle(self) -> str:
        with engine_errors("describe itself"):
            details = self.engine.api.info()
        if any("rootless" in option for option in details.get("SecurityOptions") or ()):
            return "an engine without root has no access to the network of its machine"
        if "Docker Desktop" in str(details.get("OperatingSystem")):
            return "Docker Desktop forwards ports outside of the engine's machine"
        return ""

    def start(self, balancer: str, name: str, publish: bool) -> None:
        with engine_errors(f"start {name}"):
            api = self.engine.api
            details = api.inspect_container(balancer)
            networks = recreate.networks_of(details)
            config = {**_configuration(details, publish, networks[0]), "Image": details["Image"]}
            recreate.create(self.engine, name, config, {network: {} for network in networks})
            api.start(name)

    def rename(self, container: str, name: str, labels: Mapping[str, str]) -> None:
        with engine_errors(f"inspect {container}"):
            details = self.engine.api.inspect_container(container)
        recreate.create_again(self.engine, recreate.renamed(details, name, labels))
        with engine_errors(f"remove {container}"):
            self.engine.api.remove_container(container)

    def copy_files(self, source: str, target: str, paths: Collection[str]) -> None:
        copy_files(self.engine, source, target, paths)

    def redirect(self, balancer: str, name: str) -> None:
        helper = _helper(name)
        with engine_errors(f"start {helper}"):
            api = self.engine.api
            model = api.inspect_container(balancer)
            moves = list(redirections(model, api.inspect_container(name)))
            config = {
                "Image": model["Image"],
                "Entrypoint": ["perl"],
                "Cmd": ["-e", files("ops.engine").joinpath("redirect.pl").read_text(), str(LIFE), *_flat(moves)],
                "User": "0:0",
                "Healthcheck": {"Test": ["NONE"]},
                "HostConfig": dict(ISOLATED),
            }
            api.create_container_from_config(config, helper)
            api.start(helper)
            deadline = time.monotonic() + BEGINS
            while REDIRECTING not in api.logs(helper, stderr=False):
                if not api.inspect_container(helper)["State"]["Running"] or time.monotonic() > deadline:
                    words = api.logs(helper).decode(errors="replace").strip().splitlines()
                    raise EngineError(words[-1] if words else f"{helper} says nothing", "see docs/security.md")
                time.sleep(LOOK_AGAIN)

    def release(self, name: str) -> None:
        self._remove(_helper(name))

    def remove(self, name: str) -> None:
        self.release(name)
        with engine_errors(f"stop {name}", missing_ok=True):
            self.engine.api.stop(name, timeout=GRACE)
        self._remove(name)

    def _remove(self, container: str) -> None:
        with engine_errors(f"remove {container}", missing_ok=True):
            self.engine.api.remove_container(container, v=True, force=True)


def redirections(balancer: Mapping[str, Any], stand_in: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The address, the port and the other port of each redirection, from the engine's details of both containers."""
    temporary = (stand_in["NetworkSettings"] or {}).get("Ports") or {}
    for target, bindings in (balancer["HostConfig"].get("PortBindings") or {}).items():
        for wanted in bindings or ():
            for bound in temporary.get(target) or ():
                everywhere = wanted["HostIp"] == "" and bound["HostIp"] in ANY
                if wanted["HostPort"].isdecimal() and (everywhere or wanted["HostIp"] == bound["HostIp"]):
                    yield bound["HostIp"], wanted["HostPort"], bound["HostPort"]


def _configuration(details: Mapping[str, Any], publish: bool, network: str) -> dict[str, Any]:
    """The configuration of the stand-in, from the engine's details of the balancer; without its image and networks.

    ``network``: the first network that it joins.
    """
    config, host = recreate.configuration(details), details["HostConfig"]
    ports, labels = host.get("PortBindings") or {}, config.get("Labels") or {}
    return {
        **config,
        "Entrypoint": ["sh", "-c", _BOUNDED, "sh", *(config.get("Entrypoint") or ())],
        # So that neither Compose nor a swarm mistakes it for one of the balancer's containers.
        "Labels": {
            **{label: value for label, value in labels.items() if not label.startswith(_OF_TASKS)},
            ONEOFF: "True",
        },
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            **host,
            "NetworkMode": network,
            "Binds": [each for each in host.get("Binds") or () if each.split(":")[1:2] != [SPOOL]],
            "Mounts": [each for each in host.get("Mounts") or () if each.get("Target") != SPOOL],
            "Tmpfs": {**(host.get("Tmpfs") or {}), SPOOL: "mode=1777"},
            "PortBindings": {target: _anywhere(bindings) for target, bindings in ports.items()} if publish else {},
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "AutoRemove": False,
        },
    }


def _anywhere(bindings: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """A free port for each address."""
    return [{"HostIp": address, "HostPort": ""} for address in dict.fromkeys(each["HostIp"] for each in bindings)]


def _flat(moves: Sequence[tuple[str, str, str]]) -> list[str]:
    return [word for move in moves for word in move]


def _helper(name: str) -> str:
    return f"{name}.redirect"
