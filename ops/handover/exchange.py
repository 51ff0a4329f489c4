"""Stops the containers that have a port, and starts those that get it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ops.models import Container
from ops.platform.ports import Permit
from ops.stack import Stack


def exchange(
    stack: Stack,
    ending: Sequence[Container],
    starting: Sequence[Container],
    permit: Permit,
    at_most: int | None = None,
) -> None:
    """Stops some containers, all at the same time, and then starts others."""
    permit()
    if ending:
        with ThreadPoolExecutor(len(ending)) as pool:
            list(pool.map(lambda container: stack.platform.stop(container.name, at_most), ending))
    for container in starting:
        permit()
        stack.platform.start(container.name)
