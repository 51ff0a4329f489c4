"""Checks the next start while replicas are drained or start: Compose takes 0.2 s for it, and these steps only wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from ops.errors import VideaError
from ops.platform.ports import Platform
from ops.steps import AnyStep, Remove, Start, Target


@contextmanager
def check_next_start(platform: Platform, following: Sequence[AnyStep], target: Target) -> Iterator[None]:
    """Checks the start in ``following`` during the block, if at most the removal of the drained comes before it.

    A refusal is not raised: ``create`` checks everything again that was not found harmless here, or only long ago, or
    for another number of replicas. Without an error, returns when the check is done.
    """
    start = next((step for step in following[:2] if not isinstance(step, Remove)), None)
    if not isinstance(start, Start) or platform.creates_alone:  # alone: there are fewer replicas then
        yield
        return
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="videa-check")
    checking = pool.submit(_check, platform, start.count, target)
    pool.shutdown(wait=False)
    yield
    checking.result()


def _check(platform: Platform, count: int, target: Target) -> None:
    with suppress(VideaError):  # their names are enough: the states would be asked of every task of a swarm
        platform.check_create(len(platform.names()) + count, target, next=True)
