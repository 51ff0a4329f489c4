"""kill -9 after each kind of change and SIGSTOP before one, under load: ended or put back, and nothing was lost."""

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
PLACES = ("wait", "judge the canary at 50%", "drain", "record")
"""The step after each kind of change that a canary makes: replicas started, traffic split, all moved, old ones removed.

tests/unit/ops/test_operations.py stops every strategy at every call, and takes it up and puts it back from there.
"""


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


def test_killed_after_each_kind_of_change_it_is_ended_as_if_nothing_had_happened(stack: LiveStack) -> None:
    """Each run goes on where the one before was killed."""
    _, new = stack.releases()
    first, *others = PLACES
    with under_load(stack.url, rate=RATE) as watched:
        assert killed_at(stack, "deploy", new, "canary", first).startswith(first)
        for place in others:
            assert killed_at(stack, "resume", place).startswith(place)
        assert killed_at(stack, "resume", "") == ""
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert sorted(images(stack).values()) == [new, new]


def test_killed_it_is_put_back_as_it_was(stack: LiveStack) -> None:
    _, new = stack.releases()
    before, remembered = images(stack), (stack.directory / ".env").read_text()
    with under_load(stack.url, rate=RATE) as watched:
        assert killed_at(stack, "deploy", new, "rolling", "stop and remove")
        assert killed_at(stack, "abort") == ""
    assert images(stack) == before
    assert (stack.directory / ".env").read_text() == remembered
    assert watched.report["failed"] == 0, watched.report["failures"][:5]


def is_stopped(process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("T")


PLACES_TO_FREEZE = {
    "nginx's change": ("script_runs.run", "another operation has taken over"),
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
