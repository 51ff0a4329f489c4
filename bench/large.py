"""A thousand replicas on 50 nodes, without machines: `python -m bench.large` runs videa's own code on ports in memory.

Each look of the simulated manager is parsed from JSON of the size that a real one sends, with the tasks that a replica
has had before, and each call counts with the time that it took on three engines. Measures planning, `status` and a
rolling deploy with surge 50 at 125 to 2,000 replicas: CPU seconds of videa, seconds with those times, peak memory,
calls; and the size of nginx's configuration. Writes bench/results/large.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

import msgspec

from bench.results import write_results
from bench.temporary_stack import ROOT
from ops import measuring, planning
from ops.balancer.render import parse, render
from ops.engine.request import decoded
from ops.models import Container
from ops.operations import Operation
from ops.platform.ports import Choice, Named, Permit, any_name
from ops.preflight import Capacity
from ops.rollout.request import Request
from ops.steps import Target
from ops.swarm import brief, labels, reading
from ops.swarm.api import Found
from ops.swarm.services import FEW
from ops.traffic import TrafficSplit, Upstream
from ops.views.status import read_status
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import FakeGateway, NoTraffic
from tests.unit.ops.fakes.platform import FakePlatform
from videa_cli.start import COLLECT_EVERY

SIZES = (125, 250, 500, 1000, 2000)
NODES = 50
SURGE = 50
HISTORY = 2
"""Tasks of each service: the present one, and one from before a restart."""

LATENCIES = {
    "replicas": 0.02,
    "service created": 0.02,
    "start": 0.015,
    "stop": 3.6,
    "remove": 0.008,
    "probe": 0.15,
    "membership": 0.15,
    "apply": 1.2,
    "wait_drained": 0.3,
    "find record": 0.004,
    "create record": 0.004,
    "renew record": 0.006,
    "write record": 0.012,
    "read record": 0.004,
    "load document": 0.004,
    "save document": 0.012,
}
"""Seconds of a call: estimates from the steps of operations with three engines of version 20.10 on two cores."""

NODE_LIST = [
    {"ID": f"node-{number}", "Spec": {"Availability": "active"}, "Status": {"State": "ready"}}
    for number in range(NODES)
]
NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})


@dataclass
class Clock:
    """Counts the calls. ``aside``: CPU seconds of the simulation itself, which a manager and its nodes would spend."""

    calls: Counter[str] = field(default_factory=Counter)
    aside: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: str) -> None:
        with self.lock:
            self.calls[call] += 1

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Its block is work of the simulation."""
        begun = time.thread_time()
        try:
            yield
        finally:
            with self.lock:
                self.aside += time.thread_time() - begun


@dataclass
class SwarmInMemory(FakePlatform):
    """Replicas as services of a swarm: each look parses what its manager would send."""

    clock: Clock = field(default_factory=Clock)
    sent: dict[str, bytes] = field(default_factory=dict)

    def containers(self) -> list[Container]:
        return self.replicas()

    def replicas(self, chosen: Choice = any_name) -> list[Container]:
        known = self._known()
        own = [known[each["Spec"]["Name"]] for each in self._briefly(known, chosen)]
        asked = own if len(own) <= FEW else known.values()
        read = reading.read(self._decoded("service", asked), self._decoded("tasks", asked))
        networks = {each.name: each.networks for each in read}
        return sorted((replace(each, networks=networks[each.name] or each.networks) for each in own), key=number_of)

    def names(self) -> list[str]:
        return [each["Spec"]["Name"] for each in sorted(self._briefly(self._known(), any_name), key=reading.number_of)]

    def states(self, chosen: Choice = any_name) -> dict[str, str]:
        known = self._known()
        services = self._briefly(known, chosen)
        own = [known[each["Spec"]["Name"]] for each in services]
        tasks = self._decoded("tasks", own if len(own) <= FEW else known.values(), brief.TASKS)
        return {name: known[name].state for name in reading.states(services, tasks)}

    def _briefly(self, known: dict[str, Container], chosen: Choice) -> list[Found]:
        asked = list(known.values())
        if isinstance(chosen, Named) and len(chosen.names) <= FEW:  # the manager sends all whose names begin so
            with self.clock.elsewhere():
                begins = tuple(chosen.names)
                asked = [each for each in asked if each.name.startswith(begins)]
        return [each for each in self._decoded("service", asked, brief.SERVICES) if chosen(each["Spec"]["Name"])]

    def _known(self) -> dict[str, Container]:
        self.world.used("replicas")
        return dict(self.by_name)  # replicas may be removed meanwhile

    def _decoded(
        self, kind: str, containers: Iterable[Container], decoder: msgspec.json.Decoder[Any] | None = None
    ) -> list[Found]:
        with self.clock.elsewhere():
            content = b"[" + b",".join(self._sent(each, kind) for each in containers) + b"]"
        found: list[Found] = decoded(content, decoder)
        return found

    def create(self, total: int, target: Target, permit: Permit) -> set[str]:
        known = self._known()
        services = self._decoded("service", known.values(), brief.SERVICES)
        tasks = self._decoded("tasks", known.values(), brief.PLACED_TASKS)
        missing = total - len(reading.replicas_among(services, self.service))
        reading.highest_number(services, tasks, self.service)
        for _ in zip(range(missing), reading.emptiest_nodes(NODE_LIST, tasks, (), self.service), strict=False):
            pass
        with self.clock.elsewhere():  # it numbers them slowly
            created = super().create(total, target, permit)
        for _ in created:
            self.world.used("service created")
        return created

    def _become(self, container: str, state: str) -> None:
        with self.clock.elsewhere():
            super()._become(container, state)

    def _sent(self, container: Container, kind: str) -> bytes:
        key = f"{kind} {container.name}"
        if key not in self.sent:
            self.sent[key] = _service(container) if kind == "service" else _tasks(container)
        return self.sent[key]


@dataclass
class LargeGateway(FakeGateway):
    """nginx whose configuration is really rendered, written and read, as the one that videa remembers is."""

    text: str = ""

    def apply(self, upstream: Upstream, *more: Upstream) -> Any:
        self.text = render(upstream, 2, None, self.text)
        parse(self.text, upstream.service)
        return super().apply(upstream, *more)


Measured: TypeAlias = Callable[[Callable[[], object], Clock], dict[str, Any]]


def measure(size: int) -> dict[str, Any]:
    """The figures of one size: of one run with a clock, and of a second one under tracemalloc."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        figures = run(size, Path(first), seconds_of)
        for what, more in run(size, Path(second), memory_of).items():
            figures[what] |= more
    return figures


def run(size: int, folder: Path, measured: Measured) -> dict[str, Any]:
    """Plans a deploy, asks for the status and deploys. Raises AssertionError if the deploy did not do its work."""
    clock = Clock()
    stack = large_stack(folder, size, clock)
    operation = Operation(stack, lambda event: None, "bench")
    figures = {
        "plan": measured(lambda: operation.deploy(NEW, Request(surge=SURGE), dry_run=True), clock),
        "status": measured(lambda: read_status(stack), clock),
    }
    if measured is memory_of:
        return figures  # a deploy keeps no more than a look, and tracing it would take minutes
    figures["deploy"] = measured(lambda: operation.deploy(NEW, Request(surge=SURGE)), clock)
    assert {each.release for each in stack.platform.by_name.values()} == {"new"}
    assert len(stack.platform.by_name) == size
    return figures


def seconds_of(work: Callable[[], object], clock: Clock) -> dict[str, Any]:
    """Its CPU seconds, its seconds with the estimated latencies, and its calls."""
    clock.calls.clear()
    cpu, aside = time.process_time(), clock.aside
    work()
    cpu = time.process_time() - cpu - (clock.aside - aside)
    return {
        "cpu": round(cpu, 3),
        "seconds": round(cpu + waited(clock.calls), 1),
        "calls": dict(clock.calls.most_common()),
    }


def waited(calls: Counter[str]) -> float:
    """Seconds of these calls: one after the other, but the replicas of a batch stop together, and a lease is renewed
    beside the rest.
    """
    counts = {**calls, "stop": -(-calls["stop"] // SURGE), "renew record": 0}
    return sum(count * LATENCIES.get(call, 0.0) for call, count in counts.items())


def memory_of(work: Callable[[], object], clock: Clock) -> dict[str, Any]:
    """Its peak memory, MiB, besides what was there before."""
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"peak_mib": round(peak / 2**20, 1)}


def large_stack(folder: Path, size: int, clock: Clock) -> FakeStack:
    """A project with this number of replicas. ``clock``: of its calls, from now on."""
    made = fake_stack(folder, 1)
    (folder / ".env").write_text(f"APP_REPLICAS={size}\n")
    made.project.model["services"]["app"]["deploy"]["replicas"] = size
    platform = SwarmInMemory(made.world, made.platform.env_file, clock=clock)
    gateway = LargeGateway(made.world, tuple(platform.add() for _ in range(size)))
    made.world.disturb = clock
    return replace(made, platform=platform, connect=lambda: gateway)


def text_sizes(size: int) -> dict[str, int]:
    """Bytes of nginx's configuration with this number of replicas."""
    names = tuple(f"shop-backend-{number}" for number in range(1, size + 1))
    plain = Upstream("backend", 3001, names)
    canary = replace(plain, split=TrafficSplit(names[: max(1, size // 20)], 5))
    ways = {"plain": plain, "canary": canary, "cookie": replace(plain, sticky="cookie")}
    return {name: len(render(upstream, 1)) for name, upstream in ways.items()}


def number_of(container: Container) -> int:
    return container.number


def _service(container: Container) -> bytes:
    environment = [f"VARIABLE_{number}=a value of the usual length" for number in range(25)]
    own = {labels.PROJECT: "shop", labels.SERVICE: "app", labels.NUMBER: str(container.number)}
    shown = {
        "ID": container.id,
        "Version": {"Index": 1000 + container.number},
        "CreatedAt": "2026-01-01T00:00:00.000000000Z",
        "UpdatedAt": "2026-01-01T00:00:00.000000000Z",
        "Spec": {
            "Name": container.name,
            "Labels": {**own, labels.RELEASE: container.release, labels.STATE: labels.STARTED},
            "TaskTemplate": _template(own, environment, container.image),
            "Mode": {"Replicated": {"Replicas": 1}},
            "EndpointSpec": {"Mode": "dnsrr"},
        },
    }
    return json.dumps(shown | {"PreviousSpec": shown["Spec"]}).encode()


def _tasks(container: Container) -> bytes:
    own = {labels.PROJECT: "shop", labels.SERVICE: "app", labels.NUMBER: str(container.number)}
    environment = [f"VARIABLE_{number}=a value of the usual length" for number in range(25)]
    network = {"Network": {"Spec": {"Name": "shop_default"}}, "Addresses": [f"10.0.{container.number % 256}.9/24"]}
    found = []
    for number in range(HISTORY):
        state = "running" if number == HISTORY - 1 else "shutdown"
        found.append(
            {
                "ID": f"{container.id}-{number}",
                "CreatedAt": f"2026-01-0{number + 1}T00:00:00.000000000Z",
                "ServiceID": container.id,
                "NodeID": f"node-{container.number % NODES}",
                "Spec": _template(own, environment, container.image),
                "Status": {
                    "Timestamp": "2026-01-01T00:00:00.000000000Z",
                    "State": state,
                    "ContainerStatus": {"ContainerID": "f" * 64, "PID": 4242, "ExitCode": 0},
                },
                "DesiredState": state,
                "NetworksAttachments": [network],
            }
        )
    return json.dumps(found)[1:-1].encode()


def _template(own: dict[str, str], environment: list[str], image: str) -> dict[str, Any]:
    container = {"Image": image, "Labels": own, "Env": environment, "Healthcheck": {"Test": ["CMD", "true"]}}
    limits = {"Limits": {"NanoCPUs": 1_000_000_000, "MemoryBytes": 268_435_456}}
    return {"ContainerSpec": container, "Resources": limits, "Placement": {}, "RestartPolicy": {"Condition": "any"}}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.parse_args(arguments)
    figures: dict[str, Any] = {}
    for name in os.environ.keys() - {"PATH", "HOME", "LANG"}:
        del os.environ[name]  # each operation looks for secrets in all of them
    gc.freeze()  # as a command of videa does
    gc.set_threshold(COLLECT_EVERY)
    with (
        mock.patch.object(measuring, "TrafficProof", NoTraffic),
        mock.patch.object(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None)),
    ):
        for size in SIZES:
            figures[str(size)] = found = {**measure(size), "nginx_bytes": text_sizes(size)}
            for what in ("plan", "status", "deploy"):
                shown = {key: value for key, value in found[what].items() if key != "calls"}
                print(f"{size:5} {what:7} {shown} {sum(found[what]['calls'].values())} calls", flush=True)
            print(f"{size:5} nginx   {found['nginx_bytes']}", flush=True)
    print(f"written to {write_results('large', {'sizes': figures, 'latencies': LATENCIES}).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
