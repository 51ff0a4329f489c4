"""Checks the next start while replicas drain or start: the check takes Compose 0.2 s, and these steps only wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from ops.errors import VideaError
from ops.platform.ports import Platform
from ops.steps import AnyStep, Remove, Start, Target


@contextmanager
def check_next_start(platform: Platform, following: Sequence[AnyStep], target: Target) -> Iterator[None]:
    """Checks the start in ``following`` during the block, if at most a removal comes before it.

    A refusal is not raised: ``create`` repeats the check unless it recently passed here for the same number of
    replicas. If the block raises nothing, this returns when the check is done.
    """
    start = next((step for step in following[:2] if not isinstance(step, Remove)), None)
    if not isinstance(start, Start) or platform.creates_alone:  # creates_alone: there are fewer replicas then
        yield
        return
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="videa-check")
    checking = pool.submit(_check, platform, start.count, target)
    pool.shutdown(wait=False)
    yield
    checking.result()


def _check(platform: Platform, count: int, target: Target) -> None:
    with suppress(VideaError):  # names are enough: states would need a query for every task of a swarm
        platform.check_create(len(platform.names()) + count, target, next=True)
