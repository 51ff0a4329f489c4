"""A canary that waits, on a real stack under load: it is left, taken up, killed and promoted from other terminals."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import pytest

from tests.engine.client import under_load
from tests.engine.conftest import LiveStack

RATE = 100


def operation(stack: LiveStack) -> dict[str, Any]:
    """What `videa status` says has not ended."""
    found: dict[str, Any] = stack.status()["operation"] or {}
    return found


def waits_at(stack: LiveStack, step: str, attended: bool) -> bool:
    found = operation(stack)
    if not found:
        return False
    return (found["phase"], found["standing"]["step"]["type"], found["attended"]) == ("waiting", step, attended)


@pytest.mark.timeout(600)
def test_a_wait_needs_no_terminal_and_shuts_out_nobody(stack: LiveStack, watching: subprocess.Popen[str]) -> None:
    """The client sends no POST: one that a killed replica has begun is lost with it, and must not be sent again."""
    _, new = stack.releases()
    killed, stable = sorted(stack.replicas())
    with under_load(stack.url, rate=RATE, more=("--post-share", "0")) as watched:
        canary = ("deploy", "--image", new, "--canary", "--pause-at", "10")
        said = stack.done(*canary, "--until-wait", INTERVAL="2s")
        assert "judge the canary at 10%" in said
        assert "videa promote" in said
        assert waits_at(stack, "judge", attended=False)
        refused = stack.videa("scale", "3")
        assert refused.returncode == 7
        assert "videa abort" in refused.stderr

        taken_up = stack.start_videa("deploy", "--resume", INTERVAL="2s")
        stack.until(lambda: waits_at(stack, "pause", attended=True))
        assert stack.videa("scale", "3").returncode == 7
        stack.done("maintenance", "on", "--allow", "0.0.0.0/0")
        assert stack.status()["maintenance"]
        stack.done("maintenance", "off")
        before = stack.in_balancer()
        stack.docker("kill", killed)
        stack.until(lambda: stack.listed() == before - {killed})
        assert stack.in_balancer() == before - {killed}
        assert " 10.00% canary; * app; " in stack.snapshot()[1]

        taken_up.kill()
        taken_up.communicate()
        assert waits_at(stack, "pause", attended=False)
        assert "videa deploy --resume" in stack.done("lock", "status")
        stack.done("promote", INTERVAL="2s")
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert operation(stack) == {}
    replicas = stack.status()["replicas"]
    assert [(replica["image"], replica["in_balancer"]) for replica in replicas] == [(new, True)] * 2
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate(timeout=30)
    assert f"{killed} removed from the balancer: " in told
    assert stable not in told
