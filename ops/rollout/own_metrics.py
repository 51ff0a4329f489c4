"""What replicas say of themselves that nginx's log cannot: requests not answered yet, and what they have lost.

nginx logs a request only when it ends, so what takes longer than a canary is judged for would escape its judgement. And
a release that has lost Redis or its read replica, or never gives database connections back, may answer well for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from ops.balancer.probe import quiet_curl
from ops.contract import METRICS
from ops.stack import Stack

TIMEOUT = 0.5
"""Seconds for each replica: one that does not tell in time has not told."""

LASTING = 5
"""Looks in a row at which a replica must complain of the same: links break and come back by themselves."""


class Pool(msgspec.Struct, frozen=True):
    """``waiting``: requests that wait for a database connection."""

    waiting: int = 0


class Link(msgspec.Struct, frozen=True):
    """Redis."""

    up: bool = True


class ReadReplica(msgspec.Struct, frozen=True):
    """The read replica of the database."""

    configured: bool = False
    usable: bool = True


class Figures(msgspec.Struct, frozen=True):
    """What a replica says of itself. ``unanswered_seconds``: how long each request under way has been waiting."""

    unanswered_seconds: list[float] = msgspec.field(default_factory=list)
    pool: Pool = Pool()
    redis: Link = Link()
    replica: ReadReplica = ReadReplica()

    @property
    def complaints(self) -> frozenset[str]:
        """What is wrong with it by its own account, in words."""
        found = {
            "it cannot use Redis": not self.redis.up,
            "it cannot use the read replica of the database": self.replica.configured and not self.replica.usable,
            "all its database connections are taken and requests wait for one": self.pool.waiting > 0,
        }
        return frozenset(words for words, wrong in found.items() if wrong)


class Complaints:
    """Counts looks in a row, so that what passes by itself fails nobody."""

    def __init__(self) -> None:
        self._looks: dict[tuple[str, str], int] = {}

    def lasting(self, told: Mapping[str, Figures]) -> list[tuple[str, str]]:
        """The replicas that have complained of something at each of the last LASTING looks, ``told`` being the last."""
        now = {(name, words) for name, figures in told.items() for words in figures.complaints}
        self._looks = {each: self._looks.get(each, 0) + 1 for each in now}
        return sorted(each for each, looks in self._looks.items() if looks >= LASTING)


def new_faults(lasting: Iterable[tuple[str, str]], stable: Mapping[str, Figures]) -> list[str]:
    """Those complaints of the canary that stable has not, in words: what both have is not the release's fault.

    ``stable``: what its replicas say; as long as they say nothing there is nothing to compare with.
    """
    theirs = {words for figures in stable.values() for words in figures.complaints}
    return [
        f"{name} says: {words}; stable does not say so" for name, words in lasting if stable and words not in theirs
    ]


def ask(stack: Stack, names: Iterable[str]) -> dict[str, Figures]:
    """What running replicas say, those left out that say nothing. Raises EngineError."""
    names = list(names)
    if not names:
        return {}
    ports = stack.ports()
    urls = [stack.replica_url(name, METRICS, ports) for name in names]
    command = [*quiet_curl(TIMEOUT), "-w", " %{url_effective}\n"]
    return read(stack.gateway.run([*command, *urls]).output)


def read(output: str) -> dict[str, Figures]:
    """A line for each replica, its JSON and the URL that was asked; a line that is something else says nothing."""
    found: dict[str, Figures] = {}
    for line in output.splitlines():
        text, _, url = line.rpartition(" ")
        name = urlsplit(url).hostname
        try:
            figures = msgspec.json.decode(text, type=Figures)
        except msgspec.DecodeError:
            continue
        if name:
            found[name] = figures
    return found
