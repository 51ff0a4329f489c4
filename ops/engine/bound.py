"""The part of a platform that passes calls to its engine unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ops.engine.client import Engine
from ops.models import Machine

if TYPE_CHECKING:
    from ops.engine.images import EngineImages


@dataclass(frozen=True)
class EngineBound:
    """The part of ``ops.platform.ports.Platform`` that is the same on one engine and on the manager of a swarm."""

    engine: Engine

    @cached_property
    def images(self) -> EngineImages:
        """The images of this engine."""
        from ops.engine.images import EngineImages

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
