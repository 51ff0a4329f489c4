"""The host ports of a container."""

from __future__ import annotations

from ops.engine.client import Engine, engine_errors


def bound_port(engine: Engine, container: str, target: int) -> int | None:
    """The host port that is bound to a container's TCP port ``target``; None if there is none. Raises EngineError."""
    with engine_errors(f"inspect {container}"):
        ports = engine.api.inspect_container(container)["NetworkSettings"].get("Ports") or {}
    bindings = ports.get(f"{target}/tcp") or []
    return next((int(binding["HostPort"]) for binding in bindings if binding.get("HostPort")), None)
