"""Stand-ins in memory: each call is one of the world's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tests.unit.ops.fakes.world import World


@dataclass
class FakeStandIns:
    """``ops.platform.stand_in_ports.StandIns``. ``why``: the obstacle; ``calls``: what was done, in order."""

    world: World
    why: str = ""
    calls: list[str] = field(default_factory=list)

    def obstacle(self) -> str:
        return self.why

    def start(self, balancer: str, name: str, publish: bool) -> None:
        self._used("start published" if publish else "start")

    def redirect(self, balancer: str, name: str) -> None:
        self._used("redirect")

    def release(self, name: str) -> None:
        self._used("release")

    def remove(self, name: str) -> None:
        self._used("remove")

    def rename(self, container: str, name: str, labels: Mapping[str, str]) -> None:
        self._used(f"rename {container} to {name}")

    def copy_files(self, source: str, target: str, paths: Collection[str]) -> None:
        self._used(f"copy {', '.join(paths)} from {source} to {target}")

    def _used(self, call: str) -> None:
        self.world.used(f"stand-in {call}")
        self.calls.append(call)
