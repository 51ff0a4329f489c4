"""Which configuration each of several nginx instances has, and what follows from it. Pure.

The generation shows which text is the newest. A later text always has a higher generation, no matter which process
wrote it or which instances were down, because a generation is at least the Unix time of the change in seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.balancer.render import parse
from ops.traffic import Edge, Look


@dataclass(frozen=True, slots=True)
class Place:
    """One nginx, as the platform describes it. ``id``: for commands; ``reason``: why it is not running, or ""."""

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
    """Running instances that have not confirmed the last change, because they were down or were added later."""
    return [place for place in places if not place.reason and place.name not in confirmed]


def blocking(errors: Mapping[str, Exception], after: Collection[Place]) -> list[str]:
    """The names whose errors require undoing a change; the others are down. ``after``: the platform's current answer.

    An instance that the platform reports as running may still send requests to a replica that is about to be removed.
    """
    running = {place.name for place in after if not place.reason}
    return [name for name in errors if name in running]
