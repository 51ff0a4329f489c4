"""What a platform takes from its engine as it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ops.engine.client import Engine
from ops.engine.images import EngineImages
from ops.models import Machine


@dataclass(frozen=True)
class EngineBound:
    """The part of ``ops.platform.ports.Platform`` that is the same on one engine and on the manager of a swarm."""

    engine: Engine

    @cached_property
    def images(self) -> EngineImages:
        """The images of this engine."""
        return EngineImages(self.engine)

    @property
    def local(self) -> bool:
        return self.engine.local

    @property
    def address(self) -> str:
        return self.engine.address

    @property
    def machine(self) -> Machine:
        return self.engine.machine
