"""The order in which the services of a project start around those with requests. Pure: takes the Compose model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class Order(msgspec.Struct, frozen=True):
    """``before``: what services with requests depend on; ``beside``: what else the balancer needs; ``after``: the rest.

    Within each group, Compose itself follows the order and the conditions of ``depends_on``.
    """

    before: tuple[str, ...]
    beside: tuple[str, ...]
    after: tuple[str, ...]


def startup_order(services: Mapping[str, Mapping[str, Any]], served: Iterable[str], balancer: str) -> Order:
    """Groups all services except ``served`` and ``balancer``. ``depends_on`` may be a list or a mapping."""
    named = {*served, balancer}
    before = {dependency for service in named - {balancer} for dependency in _needed(services, service)} - named
    beside = _needed(services, balancer) - named - before
    after = services.keys() - named - before - beside
    return Order(*(tuple(name for name in services if name in group) for group in (before, beside, after)))


def _needed(services: Mapping[str, Mapping[str, Any]], name: str) -> set[str]:
    """All services that ``name`` depends on, also indirectly."""
    dependencies: set[str] = set()
    waiting = [name]
    while waiting:
        for dependency in services[waiting.pop()].get("depends_on") or ():
            if dependency in services and dependency not in dependencies:
                dependencies.add(dependency)
                waiting.append(dependency)
    return dependencies


def dependency_order(services: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> list[str]:
    """``names``, each after its direct and indirect dependencies; otherwise in the order of the file."""
    left = sorted(names, key=list(services).index)
    order: list[str] = []
    while left:
        ready = next(name for name in left if not (_needed(services, name) & set(left)) - {name})
        left.remove(ready)
        order.append(ready)
    return order


def one_shots_of(services: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """The services that must have completed before ``name`` starts, in the order of their own dependencies."""
    order: list[str] = []
    conditions = services[name].get("depends_on") or {}
    for dependency in conditions if isinstance(conditions, dict) else ():
        waits = (conditions[dependency] or {}).get("condition") == "service_completed_successfully"
        if waits and dependency in services and dependency not in order:
            order += [each for each in one_shots_of(services, dependency) if each not in order]
            order.append(dependency)
    return order
