"""Whether an engine manages a swarm."""

from __future__ import annotations

from ops.engine.client import Engine, engine_errors
from ops.errors import EngineError


def manages(engine: Engine) -> bool:
    """Whether the engine is a manager of an active swarm. Raises EngineError."""
    with engine_errors("describe itself"):
        swarm = engine.sdk.api.info().get("Swarm") or {}
    return swarm.get("LocalNodeState") == "active" and bool(swarm.get("ControlAvailable"))


def check_manager(engine: Engine) -> None:
    """Raises EngineError if the engine is no manager."""
    if not manages(engine):
        raise EngineError(
            "x-videa.engine is swarm, and this engine is no manager of a swarm",
            "make it one: docker swarm init; or name a manager in DOCKER_HOST",
        )
