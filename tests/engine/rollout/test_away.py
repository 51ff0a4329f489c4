"""The engine goes away in the middle of an operation: for a moment, and for longer than a lease lasts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import LiveStack
from tests.engine.rollout.away import Road

IMPATIENT = """
import runpy, sys
from ops.rollout import lease, restore
lease.LEASE, lease.RENEWAL = 8, 1.0
lease.PATIENCE = restore.PATIENCE = 10.0
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Becomes another videa: one whose lease is shorter, and that gives an engine up sooner, but still after its lease."""


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Road]:
    found = Road(tmp_path / "docker.sock")
    yield found
    found.cut()


def half_way(stack: LiveStack, road: Road, command: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A deploy that has begun to start replicas, and whose engine has just gone."""
    process = stack.never_ready(command, DOCKER_HOST=road.host)
    road.cut()
    return process


def test_one_that_comes_back_is_asked_again_and_everything_is_put_back(stack: LiveStack, road: Road) -> None:
    before = stack.snapshot()
    process = half_way(stack, road)
    assert process.stderr is not None
    said = ""
    while "trying again" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    road.mend()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 4, said + errors
    assert "everything was rolled back" in errors
    assert (stack.snapshot()[0], stack.snapshot()[2]) == (before[0], before[2])
    assert "free" in stack.done("lock", "status")


def test_one_that_stays_away_leaves_words_that_lead_on(stack: LiveStack, road: Road) -> None:
    before = stack.snapshot()
    process = half_way(stack, road, (sys.executable, "-c", IMPATIENT))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 8, errors
    assert "could not be rolled back" in errors
    assert "everything was rolled back" not in errors
    assert "videa deploy --abort" in errors
    assert "videa deploy --resume" in errors
    assert "interrupted" in stack.done("lock", "status")
    stack.done("abort")
    assert (stack.snapshot()[0], stack.snapshot()[2]) == (before[0], before[2])
