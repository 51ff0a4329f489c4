"""The number of replicas that start at the same time. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ops.steps import AwaitReady, Start, Step


def parallelism(cpus: int) -> int:
    """The number of replicas that may start at the same time on ``cpus`` cores: half of the cores, at least one.

    A starting replica uses one core for a second or two, and the serving replicas need the other cores: three
    simultaneous starts on two cores made clients wait up to 427 ms (bench/README.md).
    """
    return max(1, cpus // 2)


def batches(count: int, size: int) -> Iterator[Step]:
    """The steps that start ``count`` replicas, ``size`` at a time. Each batch is ready before the next one starts."""
    for begun in range(0, count, size):
        yield Start(min(size, count - begun))
        yield AwaitReady()
