"""Whether an engine manages a swarm."""

from __future__ import annotations

from ops.engine.client import Engine, engine_errors
from ops.errors import EngineError


def check_manager(engine: Engine) -> None:
    """Raises EngineError if the engine is not a manager of an active swarm."""
    with engine_errors("describe itself"):
        swarm = engine.api.info().get("Swarm") or {}
    if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
        raise EngineError(
            "x-videa.engine is swarm, and this engine is no manager of a swarm",
            "make it one: docker swarm init; or name a manager in DOCKER_HOST",
        )
