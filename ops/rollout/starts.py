"""How many replicas start at the same time. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ops.steps import AwaitReady, Start, Step


def at_once(cpus: int) -> int:
    """How many replicas may start together on a machine of ``cpus`` cores: half of them, at least one.

    A starting replica takes a core for a second or two, and those that serve need the other half meanwhile: three that
    began together on two cores made clients wait up to 427 ms (bench/README.md).
    """
    return max(1, cpus // 2)


def starts(count: int, together: int) -> Iterator[Step]:
    """The steps that start ``count`` replicas, ``together`` at a time, each group ready before the next begins."""
    for begun in range(0, count, together):
        yield Start(min(together, count - begun))
        yield AwaitReady()
