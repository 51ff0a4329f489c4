"""Which component of a running stack has used how many CPU seconds, from the kernel's counters.

Containers by their cgroups; the engine's processes by /proc/PID/stat, to 10 ms. All that remains of the machine's
busy time is `rest`: the kernel's own threads, interrupts, and whatever else runs.
"""

from __future__ import annotations

import resource
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.temporary_stack import BenchError
from ops.engine.cgroups import read
from ops.engine.client import Engine
from ops.engine.replicas import list_containers
from ops.models import Container

LOGGING, PROXY, REST = "engine", "proxy", "rest"
"""dockerd, containerd and the shims, which write the logs; docker-proxy; everything else."""


@dataclass(frozen=True)
class Reading:
    """CPU seconds so far. ``client``: of the ended child processes of this one."""

    components: dict[str, float]
    busy: float
    client: float

    def since(self, before: Reading) -> dict[str, float]:
        """The CPU seconds of each component from ``before`` until now, and the rest; without the client."""
        spent = {name: seconds - before.components[name] for name, seconds in self.components.items()}
        spent[REST] = self.busy - before.busy - (self.client - before.client) - sum(spent.values())
        return spent


class Accounts:
    """The components of one project: its services by name, dockerd with containerd and the shims, docker-proxy."""

    def __init__(self, engine: Engine, project: str) -> None:
        """Raises EngineError, and BenchError if the engine is not on this machine."""
        self._containers = [each for each in list_containers(engine, project) if each.running]
        self._processes = dict(_engine_processes(self._containers))
        if LOGGING not in self._processes.values():
            raise BenchError("the engine's processes are not on this machine")

    def accepted(self) -> Counter[str]:
        """TCP connections that the containers of each service have accepted since their start."""
        accepted: Counter[str] = Counter()
        for container in self._containers:
            accepted[container.service] += passive_opens(Path(f"/proc/{container.pid}/net/snmp").read_text())
        return accepted

    def read(self) -> Reading:
        """The counters now. Raises BenchError if a container or process has ended."""
        components: defaultdict[str, float] = defaultdict(float)
        for container in self._containers:
            counters = read(container)
            if counters is None:
                raise BenchError(f"{container.name} has ended")
            components[container.service] += counters.cpu_time
        try:
            for process, component in self._processes.items():
                times = process.cpu_times()
                components[component] += times.user + times.system
        except psutil.NoSuchProcess as error:
            raise BenchError(f"a process of the engine has ended: {error}") from None
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Reading(components, busy, children.ru_utime + children.ru_stime)


def passive_opens(text: str) -> int:
    """PassiveOpens of Tcp in a file like /proc/net/snmp: a line of names for each line of numbers."""
    names, numbers = (line.split() for line in text.splitlines() if line.startswith("Tcp:"))
    return int(dict(zip(names, numbers, strict=True))["PassiveOpens"])


def _engine_processes(containers: Iterable[Container]) -> Iterable[tuple[psutil.Process, str]]:
    ids = {container.id for container in containers}
    addresses = {address for container in containers for address in container.networks.values() if address}
    for process in psutil.process_iter(["name", "cmdline"]):
        name, command = process.info["name"], process.info["cmdline"] or []
        if name in ("dockerd", "containerd") or (name.startswith("containerd-shim") and ids & set(command)):
            yield process, LOGGING
        elif name == "docker-proxy" and addresses & set(command):
            yield process, PROXY
