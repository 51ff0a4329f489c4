"""Records events of containers and nginx during an operation: the cause of each failure and each cut stream.

The engine's events show when a replica started, was stopped or exited by itself, and when nginx was reloaded; nginx's
log shows the replica of a failed request. The decisions are pure (`own_fault`, `manner_of`).
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from bench.temporary_stack import PROJECT
from ops.balancer.access_log import Line, Lines, parse
from ops.engine.client import Engine
from ops.engine.logs import Output

AFTER_DEATH = 8.0
"""Seconds from the exit of a replica until Docker has restarted it and it answers."""

SLACK = 2.0
"""Seconds between an event and its effect on a client, on a busy machine."""

_GOOD = b'"status":2'
_RELOAD = "videa-old-workers"
"""A string of the script that tests, swaps and reloads (ops/balancer/scripts.py)."""


@dataclass
class Happenings:
    """``homes``: (Unix time, address, replica) of each start; the others: Unix times, with the replica where it counts.

    ``deaths``: of replicas that exited by themselves; ``stops``: of replicas that were stopped.
    """

    homes: list[tuple[float, str, str]] = field(default_factory=list)
    deaths: list[tuple[float, str]] = field(default_factory=list)
    stops: list[tuple[float, str]] = field(default_factory=list)
    reloads: list[float] = field(default_factory=list)

    def at(self, address: str, when: float) -> set[str]:
        """The replicas that may have had an address then: a new replica gets the address of one that exited."""
        known = [(time, name) for time, home, name in self.homes if home == address and time <= when + SLACK]
        before = [name for time, name in known if time <= when]
        return {*before[-1:], *(name for time, name in known if time > when)}

    def died(self, when: float, replica: str = "") -> bool:
        """Whether that replica, or any replica, exited by itself shortly before."""
        return any(-SLACK <= when - death <= AFTER_DEATH and replica in ("", name) for death, name in self.deaths)


def own_fault(line: Line, happened: Happenings) -> bool:
    """Whether a request failed because its replica exited by itself.

    If nginx logs the service's name among the tried addresses, it had no live replica at that moment, because any of
    them had exited.
    """
    if not line.tried or not all(":" in server for server in line.tried):
        return happened.died(line.time)
    return any(happened.died(line.time, replica) for replica in happened.at(line.answered_by, line.time))


def manner_of(end: float, drain: float, happened: Happenings) -> str:
    """Why a stream ended: by the end of a drain, because its replica exited by itself, or "other".

    ``drain``: seconds that an old worker of nginx may continue after a reload.
    """
    if any(-0.5 <= end - stop <= SLACK for stop, _ in happened.stops):
        return "drain"
    if any(drain - 0.5 <= end - reload <= drain + SLACK for reload in happened.reloads):
        return "drain"
    return "release" if happened.died(end) else "other"


class Witness:
    """Records during the `with` block. ``failed``: requests that nginx answered with 500 and above, or not at all."""

    def __init__(self, engine: Engine, replicas: Sequence[str], nginx: str = f"{PROJECT}-nginx-1") -> None:
        self.happened = Happenings()
        self.failed: list[Line] = []
        self._engine = engine
        for replica in replicas:
            self._at_home(replica, 0.0)
        self._log = Output(engine, nginx)
        self._told: dict[str, float] = {}
        kinds = ("start", "kill", "die", "exec_create")
        self._events = subprocess.Popen(
            [
                *("docker", "events", "--format", "{{json .}}", "--filter", "type=container"),
                *("--filter", f"label=com.docker.compose.project={PROJECT}"),
                *(part for kind in kinds for part in ("--filter", f"event={kind}")),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read_log, self._read_events)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        time.sleep(0.5)  # for late events and log lines of the last moment
        self._log.close()
        self._events.terminate()
        self._events.wait()
        for thread in self._threads:
            thread.join(5)
        if self._events.stdout:
            self._events.stdout.close()

    def _read_log(self) -> None:
        lines = Lines()
        for chunk in self._log:
            for text in lines.feed(chunk):
                request = None if _GOOD in text[:60] else parse(text)
                if request is not None and request.failed:
                    self.failed.append(request)

    def _read_events(self) -> None:
        assert self._events.stdout is not None
        for line in self._events.stdout:
            self._note(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        attributes = event["Actor"]["Attributes"]
        name, when, action = attributes["name"], event["timeNano"] / 1e9, event["Action"]
        if _RELOAD in action:
            self.happened.reloads.append(when)
        if attributes.get("com.docker.compose.service") != "backend":
            return
        if action == "start":
            self._at_home(name, when)
        elif action == "kill":
            self._told[event["id"]] = when
            self.happened.stops.append((when, name))
        elif action == "die" and event["id"] not in self._told:
            self.happened.deaths.append((when, name))

    def _at_home(self, replica: str, when: float) -> None:
        networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        asked = subprocess.run(
            ["docker", "inspect", "--format", f"{{{{.Name}}}} {networks}", replica],
            capture_output=True,
            text=True,
            check=False,
        )
        name, *addresses = asked.stdout.split() or [""]
        self.happened.homes += [(when, address, name.lstrip("/")) for address in addresses]
