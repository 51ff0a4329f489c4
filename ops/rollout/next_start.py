"""Checks the next start while replicas are drained: Compose takes 0.2 s for a preview, and a drain only waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from ops.errors import VideaError
from ops.platform.ports import Platform
from ops.steps import AnyStep, Remove, Start, Target


@contextmanager
def check_next_start(platform: Platform, following: Sequence[AnyStep], target: Target) -> Iterator[None]:
    """Checks the start in ``following`` during the block, if it is the next one after the removal of the drained.

    A refusal is not raised: ``create`` checks everything again that was not found harmless here, or only long ago, or
    for another number of replicas. Without an error, returns when the check is done.
    """
    start = following[1] if len(following) > 1 and isinstance(following[0], Remove) else None
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
