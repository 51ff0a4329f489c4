"""In which order the services of a project start around the one that is scaled. Pure: the Compose model in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """``before``: what the scaled service depends on; ``beside``: what else the balancer depends on; ``after``: others.

    Within each Compose itself keeps the order and the conditions of ``depends_on``.
    """

    before: tuple[str, ...]
    beside: tuple[str, ...]
    after: tuple[str, ...]


def startup_order(services: Mapping[str, Mapping[str, Any]], service: str, balancer: str) -> Order:
    """Divides the services, both named ones left out. ``depends_on`` may be a list or a mapping."""
    own = {service, balancer}
    before = _needed(services, service) - own
    beside = _needed(services, balancer) - own - before
    after = services.keys() - own - before - beside
    return Order(*(tuple(name for name in services if name in group) for group in (before, beside, after)))


def _needed(services: Mapping[str, Mapping[str, Any]], name: str) -> set[str]:
    """All services that one depends on, also through others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for needed in services[waiting.pop()].get("depends_on") or ():
            if needed in services and needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found
