"""The plan that moves a running project to another engine. Pure: what runs on either of the two in, steps out.

It is made of what runs now, so after an interruption the same command continues, and the plan for the other direction
leads back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import msgspec


class Kind(Enum):
    """REPLICAS: scaled by videa; BESIDE: two of it may run for a moment; ALONE: only one may use its files or ports."""

    REPLICAS = "replicas"
    BESIDE = "beside"
    ALONE = "alone"
    BALANCER = "balancer"


@dataclass(frozen=True, slots=True)
class Running:
    """One service. ``here`` and ``there``: its running containers before and after the move, by name.

    ``wanted``: number of replicas; ``served``: whether nginx lists them, by their names; ``stopped``: whether an
    interrupted move has stopped it here.
    """

    name: str
    kind: Kind
    here: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    wanted: int = 1
    served: bool = False
    stopped: bool = False


class Renumber(msgspec.Struct, frozen=True, tag="renumber"):
    """Replace ``names`` by replicas with other numbers: the new ones would have the same names."""

    service: str
    names: tuple[str, ...]


class Join(msgspec.Struct, frozen=True, tag="join"):
    """Attach Compose's containers to the overlay networks, where both engines' containers reach each other."""


class TakeOver(msgspec.Struct, frozen=True, tag="take_over"):
    """Start ``start`` replicas, wait until they are ready, send them the requests, drain and stop ``leave``."""

    service: str
    start: int
    leave: tuple[str, ...]


class Beside(msgspec.Struct, frozen=True, tag="beside"):
    """Start a service, then stop ``leave``: it is never without a container."""

    service: str
    leave: tuple[str, ...]


class Exchange(msgspec.Struct, frozen=True, tag="exchange"):
    """Stop ``leave``, then start the service with the same volumes: it is missing in between."""

    service: str
    leave: tuple[str, ...]


class MovePort(msgspec.Struct, frozen=True, tag="move_port"):
    """Stop nginx and start the other one: connections are refused in between."""

    balancer: str
    leave: tuple[str, ...]


class Clean(msgspec.Struct, frozen=True, tag="clean"):
    """Remove the stopped containers and the networks that nothing uses; the volumes stay."""


Step: TypeAlias = Renumber | Join | TakeOver | Beside | Exchange | MovePort | Clean


def plan(services: Sequence[Running], replicas_first: bool, fixed_names: bool) -> tuple[Step, ...]:
    """The steps for what runs. ``services``: each after those that it depends on.

    ``replicas_first``: new replicas must be ready before anything else stops; otherwise they start after what they
    depend on, as Compose starts them. ``fixed_names``: new replicas are numbered from 1. The balancer is last.
    """
    if not any(service.here or service.there or service.stopped for service in services):
        return ()
    balancers = [service for service in services if service.kind is Kind.BALANCER]
    replicas = [service for service in services if service.kind is Kind.REPLICAS]
    rest = [service for service in services if service.kind in (Kind.BESIDE, Kind.ALONE)]
    ordered = (*replicas, *rest) if replicas_first else (*rest, *replicas)
    names = [Renumber(each.name, found) for each in replicas if fixed_names and (found := _same_names(each))]
    return (*names, Join(), *(step for each in (*ordered, *balancers) for step in _steps(each)), Clean())


def _steps(service: Running) -> Iterator[Step]:
    if not service.here and (service.there or not service.stopped):
        return
    if service.kind is Kind.REPLICAS:
        yield TakeOver(service.name, max(0, service.wanted - len(service.there)), service.here)
    elif service.kind is Kind.BESIDE:
        yield Beside(service.name, service.here)
    elif service.kind is Kind.ALONE:
        yield Exchange(service.name, service.here)
    else:
        yield MovePort(service.name, service.here)


def _same_names(service: Running) -> tuple[str, ...]:
    """The replicas whose numbers the new ones would have."""
    if not service.served or len(service.there) >= service.wanted:
        return ()
    numbers = {str(number) for number in range(1, service.wanted + 1)}
    return tuple(name for name in service.here if name.rpartition("-")[2] in numbers)
