"""The protocol for the networks that both engines share during a migration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ops.models import Container


class Bridge(Protocol):
    """The overlay networks of a project, and Compose's containers on them. Every method may raise EngineError."""

    def check(self) -> None:
        """Raises PlanRefused if the project cannot run on a swarm."""

    def join(self, containers: Iterable[Container]) -> None:
        """Creates the networks, and attaches Compose's containers to them."""

    def leave(self, containers: Iterable[Container]) -> None:
        """Detaches Compose's containers."""
