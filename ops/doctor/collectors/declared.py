"""The desired state, from the Compose file, `.env` and the last operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.doctor.facts_services import ServiceFacts
from ops.doctor.skip import Skip
from ops.errors import ImageUnavailable
from ops.project.config import replica_count
from ops.project.outline import NOWHERE
from ops.rollout import history
from ops.stack import Stack


def declared_services(stack: Stack) -> dict[str, ServiceFacts]:
    """Every service of the Compose file. Raises Skip, EngineError, ConfigError."""
    project = stack.project
    services: Mapping[str, Mapping[str, Any]] = project.model["services"]
    if not any(services.values()) or project.directory == NOWHERE:
        raise Skip("there is no Compose file here")
    entries = (entry for entry in history.read(stack) if entry.action != history.MAINTENANCE)
    done = [entry for entry in entries if entry.result == history.DONE]
    recorded = {entry.service or project.default_service: entry for entry in done}
    hashes = project.config_hashes()
    return {
        name: ServiceFacts(
            replicas=replica_count(service),
            recorded=recorded[name].replicas if name in recorded else None,
            scaled=name in project.services,
            networks=networks_of(project.model, service, stack.platform.network_suffix),
            config_hash=hashes.get(name, ""),
            image_id=_image(stack, name) if name in project.services else "",
        )
        for name, service in services.items()
    }


def networks_of(model: Mapping[str, Any], service: Mapping[str, Any], suffix: str = "") -> list[str]:
    """The engine's names of a service's networks in the merged model. ``suffix``: see ``Platform``."""
    known = {key: (model.get("networks") or {}).get(key) or {} for key in service.get("networks") or {}}
    return [f"{each.get('name') or key}{'' if each.get('external') else suffix}" for key, each in known.items()]


def _image(stack: Stack, service: str) -> str:
    try:
        return stack.platform.images.digest(stack.project.image_of(service))
    except ImageUnavailable:
        return ""
