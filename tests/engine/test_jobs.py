"""Jobs: an operation in a container outlives its terminal and a kill -9; a scheduled one can be cancelled."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.client import under_load
from tests.engine.conftest import LiveStack

RATE = 100


@pytest.fixture
def jobs(stack: LiveStack) -> Iterator[LiveStack]:
    """The stack without any job before and after the test."""
    yield stack
    names = stack.docker(
        "ps", "--all", "--filter", f"label=videa.job={stack.project}", "--format", "{{.Names}}"
    ).split()
    if names:
        stack.docker("rm", "--force", *names)


def job(stack: LiveStack, kind: str = "operation") -> dict[str, Any]:
    """What the engine knows of a job."""
    found: dict[str, Any] = json.loads(stack.docker("inspect", f"videa.job.{stack.project}.{kind}"))[0]
    return found


def phase(stack: LiveStack) -> str:
    return str((stack.status()["operation"] or {"standing": {"step": {"type": "none"}}})["standing"]["step"]["type"])


@pytest.mark.timeout(300)
def test_a_canary_goes_on_after_its_job_was_killed(jobs: LiveStack) -> None:
    _, new = jobs.releases()
    begun = time.time()
    with under_load(jobs.url, rate=RATE) as watched:
        said = jobs.done("deploy", "--image", new, "--canary", "--detach", INTERVAL="2s")
        assert "videa deploy --watch" in said
        jobs.until(lambda: phase(jobs) == "judge")
        os.kill(job(jobs)["State"]["Pid"], signal.SIGKILL)
        jobs.until(lambda: job(jobs)["RestartCount"] == 1)
        followed = jobs.start_videa("deploy", "--watch")
        _, told = followed.communicate(timeout=120)
    assert followed.returncode == 0, told
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert {each["image"] for each in jobs.status()["replicas"]} == {new}
    jobs.until(lambda: job(jobs)["State"]["Status"] == "exited")
    ended = job(jobs)
    assert ended["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert ended["State"]["ExitCode"] == 0, jobs.docker("logs", ended["Name"].lstrip("/"))
    assert "INTERVAL" not in json.dumps(ended)
    assert not list((jobs.directory / ".videa").glob("job-*"))
    ends = [each for each in json.loads(jobs.done("history", "--json"))["operations"] if each["time"] > begun]
    assert [(each["action"], each["result"]) for each in ends] == [("canary", "done")]


def test_what_is_refused_is_said_at_once(jobs: LiveStack) -> None:
    before = jobs.snapshot()
    refused = jobs.videa("deploy", "--image", "videa-test/none:1", "--detach")
    assert refused.returncode == 4, refused.stderr
    assert "videa-test/none:1" in refused.stderr
    assert jobs.snapshot() == before


def test_a_scheduled_deploy_is_shown_and_can_be_cancelled(jobs: LiveStack) -> None:
    _, new = jobs.releases()
    at = f"{datetime.now() + timedelta(days=30):%Y-%m-%d} 03:00"
    assert f"scheduled for {at}" in jobs.done("deploy", "--image", new, "--at", at)
    assert [each["kind"] for each in jobs.status()["jobs"]] == ["scheduled"]
    assert at in jobs.done("status")
    assert jobs.videa("deploy", "--at", "03:00").returncode == 7
    assert "cancelled" in jobs.done("abort")
    assert jobs.status()["jobs"] == []


def test_a_scheduled_deploy_begins_also_if_its_job_was_stopped_meanwhile(jobs: LiveStack) -> None:
    _, new = jobs.releases()
    at = datetime.now() + timedelta(seconds=15)
    jobs.done("deploy", "--image", new, "--at", at.isoformat(" ", "seconds"))
    name = job(jobs, "scheduled")["Name"].lstrip("/")
    jobs.docker("stop", name)
    assert job(jobs, "scheduled")["State"]["Status"] == "exited"
    if datetime.now() >= at:
        pytest.skip("the machine was too slow to stop it before its time")
    jobs.docker("start", name)  # as the agent does, and the engine after a reboot
    jobs.until(lambda: job(jobs, "scheduled")["State"]["Status"] == "exited", 120)
    assert job(jobs, "scheduled")["State"]["ExitCode"] == 0, jobs.docker("logs", name)
    assert {each["image"] for each in jobs.status()["replicas"]} == {new}
    assert json.loads(jobs.done("history", "--json"))["operations"][-1]["time"] >= at.timestamp() - 1
