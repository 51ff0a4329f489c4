"""Facts about Redis. Units as in ``ops.doctor.facts``."""

from __future__ import annotations

from msgspec import Struct, field

from ops.doctor.facts_engine import Volume

_ERRORS = "errorstat_"


class RedisNode(Struct, frozen=True):
    """One Redis server. ``info``: the flat output of INFO; ``earlier``: the same, ``gap`` seconds earlier.

    ``denied``: it rejects the doctor's password; ``broken_off``: why its answer ended early, "" if it did not.
    """

    service: str
    container: str
    up: bool
    error: str = ""
    info: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)
    gap: float = 0
    denied: bool = False
    broken_off: str = ""
    volume: Volume | None = None

    def number(self, key: str) -> float:
        """A figure of INFO; 0 if this version of Redis does not have it."""
        return _number(self.info.get(key, ""))

    def cli(self, command: str) -> str:
        """The shell command that sends ``command`` to the node. The name of an external node is its host and port."""
        if self.container == self.service:
            return f"redis-cli -u redis://{self.service} {command}"
        return f"docker compose exec {self.service} redis-cli {command}"

    def delta(self, key: str) -> float:
        """The growth of a counter between the two samples."""
        return self.number(key) - _number(self.earlier.get(key, "")) if self.earlier else 0.0

    @property
    def errors(self) -> dict[str, int]:
        """Error code (NOPERM, OOM, ...) -> number of error replies between the two samples of this run.

        Redis counts them since version 6.2.
        """
        return {
            key.removeprefix(_ERRORS): grown
            for key in self.info
            if key.startswith(_ERRORS) and (grown := _count(self.info[key]) - _count(self.earlier.get(key, ""))) > 0
        }


class RedisFacts(Struct, frozen=True):
    """The Redis of the scaled service: one node, or the nodes of a cluster."""

    nodes: list[RedisNode]


def _count(text: str) -> int:
    """Parses "count=12" as 12."""
    number = text.partition("count=")[2]
    return int(number) if number.isdecimal() else 0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
