"""kill -9 at every step and SIGSTOP before a change, under load: it is ended or put back, and nothing was lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.temporary_stack import clean_environment
from ops.factory import open_store
from ops.rollout.lock import Lock
from tests.engine.client import under_load
from tests.engine.conftest import ROOT, LiveStack

RATE = 100
DRIVER = ROOT / "tests" / "engine" / "rollout" / "driver.py"
PLACES = (
    *("start", "wait", "send 10%", "judge the canary at 10%", "send 50%"),
    *("judge the canary at 50%", "update", "judge the canary at 100%", "drain", "stop and remove", "record"),
)
"""Every kind of step that a canary has, by its first words."""

ABORTS = (("rolling", "stop and remove"), ("canary", "send 10%"))
"""A replica that is gone and a split; tests/unit/ops/test_operations.py tries every place, also of blue-green."""

RUNS = 40
"""More than any plan here has steps."""


def drive(stack: LiveStack, *arguments: str) -> subprocess.Popen[str]:
    """Starts the driver in the stack's folder."""
    return subprocess.Popen(
        [sys.executable, str(DRIVER), *arguments],
        cwd=stack.directory,
        env={**clean_environment(), "PYTHONPATH": str(ROOT), "INTERVAL": "1s"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_at(stack: LiveStack, *arguments: str) -> str:
    """Runs the driver until it stops, kills it there, and tells the step; empty when it ended by itself."""
    process = drive(stack, *arguments)
    assert process.stdout is not None
    step = process.stdout.readline().strip()
    if step:
        process.kill()
    _, errors = process.communicate()
    assert step or process.returncode == 0, errors
    return step


def images(stack: LiveStack) -> dict[str, str]:
    """Replica -> image, after checking that all of them are healthy and served, and that nothing is left over."""
    replicas = stack.status()["replicas"]
    assert all(each["health"] == "healthy" and each["in_balancer"] for each in replicas), replicas
    assert "upstream canary" not in stack.snapshot()[1]
    names = stack.docker("ps", "--all", "--filter", "label=videa.journal", "--format", "{{.Names}}").split()
    assert f"videa.journal.{stack.project}" not in names
    kept = stack.containers()
    stack.compose("up", "--detach")
    assert stack.containers() == kept
    return {each["name"]: each["image"] for each in replicas}


def test_killed_at_every_step_it_is_ended_as_if_nothing_had_happened(stack: LiveStack) -> None:
    """Each run goes on where the one before was killed, and is killed itself at the first step that none has begun."""
    _, new = stack.releases()
    with under_load(stack.url, rate=RATE) as watched:
        seen = [killed_at(stack, "deploy", new, "canary", "new:")]
        while seen[-1]:
            assert len(seen) < RUNS, seen
            seen.append(killed_at(stack, "resume", "new:" + "\n".join(seen)))
    assert watched.report["failed"] == 0, (seen, watched.report["failures"][:5])
    missed = [place for place in PLACES if not any(step.startswith(place) for step in seen)]
    assert not missed, seen
    assert sorted(images(stack).values()) == [new, new]


@pytest.mark.parametrize(("strategy", "place"), ABORTS)
def test_killed_it_is_put_back_as_it_was(stack: LiveStack, strategy: str, place: str) -> None:
    _, new = stack.releases()
    before, remembered = images(stack), (stack.directory / ".env").read_text()
    with under_load(stack.url, rate=RATE) as watched:
        assert killed_at(stack, "deploy", new, strategy, place)
        assert killed_at(stack, "abort") == ""
    assert images(stack) == before
    assert (stack.directory / ".env").read_text() == remembered
    assert watched.report["failed"] == 0, watched.report["failures"][:5]


def is_stopped(process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("T")


PLACES_TO_FREEZE = {
    "nginx's change": ("nginx._run", "another operation has taken over"),
    "compose's start": ("effects.run_harmless", "another operation has taken over"),
}


@pytest.mark.parametrize("place", PLACES_TO_FREEZE)
def test_stopped_just_before_a_change_until_another_one_has_ended_it(stack: LiveStack, place: str) -> None:
    """nginx refuses the list of the former holder of the lock; what Compose creates for it is removed.

    tests/unit/ops/test_operations_interrupted.py stops a process at every other call.
    """
    _, new = stack.releases()
    before, lock = images(stack), Lock(open_store(), stack.project)
    function, message = PLACES_TO_FREEZE[place]
    with under_load(stack.url, rate=RATE) as watched:
        process = drive(stack, "freeze", new, "rolling", function, "10")
        try:
            stack.until(lambda: is_stopped(process))
            stack.until(lambda: lock.active_holder() is None)
            stack.videa("abort")
            served = stack.served()
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    assert errors.startswith("7 ")
    assert message in errors
    assert stack.served() == served
    assert images(stack) == before
    assert lock.status() is None
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
