"""Metrics of the replicas that are not in nginx's log: unanswered requests and lost dependencies.

nginx logs a request only when it ends, so a request that takes longer than the judging of a canary would not be seen. A
release that has lost Redis or its read replica, or that leaks database connections, may also give good answers for a
long time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from ops.balancer.probe import quiet_curl
from ops.contract import METRICS
from ops.stack import Stack

TIMEOUT = 0.5
"""Timeout for each replica, in seconds: a replica that does not answer in time is left out."""

LASTING = 5
"""Checks in a row that must have the same complaint before it counts: connections break and recover by themselves."""


class Pool(msgspec.Struct, frozen=True):
    """The pool of database connections. ``waiting``: requests that wait for a connection."""

    waiting: int = 0


class Link(msgspec.Struct, frozen=True):
    """The connection to Redis."""

    up: bool = True


class ReadReplica(msgspec.Struct, frozen=True):
    """The read replica of the database."""

    configured: bool = False
    usable: bool = True


class Figures(msgspec.Struct, frozen=True):
    """The metrics of one replica. ``unanswered_seconds``: the waiting time of each unanswered request."""

    unanswered_seconds: list[float] = msgspec.field(default_factory=list)
    pool: Pool = Pool()
    redis: Link = Link()
    replica: ReadReplica = ReadReplica()

    @property
    def complaints(self) -> frozenset[str]:
        """What is wrong according to the replica itself, as text."""
        conditions = {
            "it cannot use Redis": not self.redis.up,
            "it cannot use the read replica of the database": self.replica.configured and not self.replica.usable,
            "all its database connections are taken and requests wait for one": self.pool.waiting > 0,
        }
        return frozenset(words for words, wrong in conditions.items() if wrong)


_DECODER = msgspec.json.Decoder(Figures)


class Complaints:
    """Counts checks in a row, so that a short failure of a dependency does not fail the canary."""

    def __init__(self) -> None:
        self._checks: dict[tuple[str, str], int] = {}

    def lasting(self, latest: Mapping[str, Figures]) -> list[tuple[str, str]]:
        """The pairs (replica, complaint) present in all of the last LASTING checks; ``latest``: this check."""
        now = {(name, words) for name, figures in latest.items() for words in figures.complaints}
        self._checks = {complaint: self._checks.get(complaint, 0) + 1 for complaint in now}
        return sorted(complaint for complaint, checks in self._checks.items() if checks >= LASTING)


def new_faults(lasting: Iterable[tuple[str, str]], stable: Mapping[str, Figures]) -> list[str]:
    """The complaints of the canary that stable does not have, as text. Shared ones are not the fault of the release.

    ``stable``: metrics of the stable replicas; empty means that there is nothing to compare with.
    """
    stable_complaints = {words for figures in stable.values() for words in figures.complaints}
    return [
        f"{name} reports: {words}; stable does not report it"
        for name, words in lasting
        if stable and words not in stable_complaints
    ]


def fetch(stack: Stack, names: Iterable[str]) -> dict[str, Figures]:
    """The metrics of running replicas, without those that do not answer. Raises EngineError."""
    names = list(names)
    if not names:
        return {}
    ports = stack.ports()
    urls = [stack.replica_url(name, METRICS, ports) for name in names]
    command = [*quiet_curl(TIMEOUT), "-w", " %{url_effective}\n"]
    return read(stack.gateway.ask([*command, *urls]).output)


def read(output: str) -> dict[str, Figures]:
    """Parses one line per replica: JSON and the URL. Any other line is ignored."""
    by_name: dict[str, Figures] = {}
    for line in output.splitlines():
        text, _, url = line.rpartition(" ")
        name = urlsplit(url).hostname
        try:
            figures = _DECODER.decode(text)
        except msgspec.DecodeError:
            continue
        if name:
            by_name[name] = figures
    return by_name
