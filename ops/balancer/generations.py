"""Which configuration each of several nginx has, and what follows from it. Pure.

The generation tells which text is the newest: one that was written later has a higher one, whoever wrote it and whoever
was away meanwhile, because it is at least the time of the change in Unix seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.balancer.render import parse
from ops.traffic import Edge, Look


@dataclass(frozen=True, slots=True)
class Place:
    """One nginx, as the platform describes it. ``id``: for its commands; ``reason``: why it does not run, or ""."""

    name: str
    id: str
    node: str
    reason: str = ""


def newest(looks: Mapping[str, Look]) -> str:
    """The name of the nginx with the newest text; the first one of several. ``looks``: not empty. Raises ValueError."""
    return max(looks, key=lambda name: parse(looks[name].text).generation)


def standing(places: Collection[Place], looks: Mapping[str, Look], failed: Mapping[str, str]) -> tuple[Edge, ...]:
    """What each nginx serves. ``failed``: name -> why it could not be asked. Raises ValueError for a foreign text."""
    text = looks[newest(looks)].text.rstrip("\n") if looks else ""
    return tuple(
        Edge(
            place.name,
            place.node,
            looks[place.name].serving or parse(looks[place.name].text).generation,
            looks[place.name].text.rstrip("\n") == text,
        )
        if place.name in looks
        else Edge(place.name, place.node, None, False, place.reason or failed.get(place.name, ""))
        for place in places
    )


def to_bring_up(places: Collection[Place], confirmed: Collection[str]) -> list[Place]:
    """Those that run and have not confirmed the last change: they were away, or have been added, when it was made."""
    return [place for place in places if not place.reason and place.name not in confirmed]


def blocking(errors: Mapping[str, Exception], after: Collection[Place]) -> list[str]:
    """The names whose errors make a change go back; the others are away now. ``after``: what the platform says now.

    One that the platform calls running may still send requests to a replica that is about to leave.
    """
    running = {place.name for place in after if not place.reason}
    return [name for name in errors if name in running]
