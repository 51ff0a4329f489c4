"""videa scale and videa deploy on a real stack, under the load of keep-alive clients, as its users run them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.engine.client import under_load
from tests.engine.conftest import LiveStack, make_image

RATE = 100
"""Requests per second: some at each moment of an operation, and little enough for a busy machine."""

ON_A_TERMINAL = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes its standard input the terminal of its session, and becomes another program."""


def unchanged_by_compose(stack: LiveStack) -> bool:
    """Whether a plain `docker compose up` changes nothing."""
    before = stack.containers()
    stack.compose("up", "--detach")
    return stack.containers() == before


def await_answers_of(stack: LiveStack, number: int) -> None:
    """Waits until so many replicas have answered."""
    seen: set[str] = set()
    stack.until(lambda: bool(seen.add(stack.get("/api/v1/whoami")["instance"])) or len(seen) == number)


def test_scaling_up_and_down_loses_no_request(stack: LiveStack) -> None:
    with under_load(stack.url, rate=RATE) as watched:
        for number in (4, 2):
            assert re.search(r"[1-9]\d* requests, 0 failed, slowest [\d.]+ ms", stack.done("scale", str(number)))
            replicas = stack.status()["replicas"]
            assert len(replicas) == number
            assert all(each["health"] == "healthy" and each["in_balancer"] for each in replicas)
            await_answers_of(stack, number)
            assert unchanged_by_compose(stack)
    assert watched.report["failed"] == 0, watched.report["failures"]
    assert watched.report["ok"] > RATE


def test_a_deploy_replaces_every_replica_and_loses_no_request(stack: LiveStack) -> None:
    _, new = stack.releases()
    before = stack.status()["replicas"]
    with under_load(stack.url, rate=RATE) as watched:
        outcome = json.loads(stack.done("deploy", "--image", new, "--json"))
    after = stack.status()["replicas"]
    assert watched.report["failed"] == 0, watched.report["failures"]
    assert outcome["changed"]
    assert outcome["proof"]["failed"] == 0
    assert outcome["proof"]["requests"] > 0
    assert len(after) == 2
    assert not {each["name"] for each in before} & {each["name"] for each in after}
    assert {each["image"] for each in after} == {new}
    assert {each["release"] for each in after} == {stack.get("/api/v1/whoami")["release"]}
    assert after[0]["release"] != before[0]["release"]
    assert unchanged_by_compose(stack)
    containers = stack.containers()
    assert "nothing to do" in stack.done("deploy")
    assert stack.containers() == containers


STRANGER = 'CMD ["sh", "-c", "DATABASE_URL=postgresql://videa:other@postgres/videa exec python -m server"]'


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (STRANGER, "password authentication failed"),
        ('ENTRYPOINT ["/no/such/file"]', "no such file"),
    ],
    ids=["not let in by the database", "cannot start"],
)
def test_a_bad_release_is_put_back_and_loses_no_request(stack: LiveStack, recipe: str, words: str) -> None:
    """For one that never becomes ready: test_readiness.py; for one that exits: the second replica of the next test."""
    bad = make_image(recipe)
    before = stack.snapshot()
    with under_load(stack.url, rate=RATE) as watched:
        refused = stack.videa("deploy", "--image", bad, DEADLINE="6s")
    assert refused.returncode in (1, 4), refused.stderr
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert stack.snapshot() == before
    assert watched.report["failed"] == 0, watched.report["failures"]


def test_a_release_that_turns_bad_half_way_is_put_back(stack: LiveStack) -> None:
    """The first new replica becomes ready, so an old one is gone already when the second fails."""
    started = "redis.from_url(os.environ['REDIS_URL']).incr('videa:test-started')"
    serve = "runpy.run_module('server', run_name='__main__')"
    program = f"import os, sys, redis, runpy; sys.exit(9) if {started} > 1 else {serve}"
    bad = make_image(f'CMD ["python", "-c", "{program}"]')
    stack.exec("redis", "redis-cli", "del", "videa:test-started")
    before = {(each["name"], each["release"], each["image"]) for each in stack.status()["replicas"]}
    with under_load(stack.url, rate=RATE) as watched:
        refused = stack.videa("deploy", "--image", bad, DEADLINE="12s")
    assert refused.returncode == 1, refused.stderr
    # The engine forgets the exit code while the next try runs, which on a busy machine takes a second.
    assert re.search(r"it exited and was restarted \d+ times(, last with exit code 9)?: ", refused.stderr), (
        refused.stderr
    )
    assert int(stack.exec("redis", "redis-cli", "get", "videa:test-started")) > 1
    after = stack.status()["replicas"]
    assert {(each["name"], each["release"], each["image"]) for each in after} == before
    assert all(each["health"] == "healthy" and each["in_balancer"] for each in after)
    assert watched.report["failed"] == 0, watched.report["failures"]
    kept = stack.containers()
    stack.compose("up", "--detach")
    assert stack.containers() == kept


def test_killed_half_way_the_stack_serves_and_the_next_scale_ends_as_asked(stack: LiveStack) -> None:
    """tests/unit/ops/rollout/test_scale.py and test_operations.py do so at every step, up and down."""
    with under_load(stack.url, rate=RATE) as watched:
        process = stack.start_videa("scale", "4")
        stack.until(lambda: len(stack.replicas()) > 2)
        process.kill()
        process.communicate()
        assert stack.get("/health/live")
        stack.done("scale", "2")
    assert watched.report["failed"] == 0, watched.report["failures"]
    replicas = stack.status()["replicas"]
    assert len(replicas) == 2
    assert all(each["health"] == "healthy" and each["in_balancer"] for each in replicas)


def test_an_interrupted_operation_puts_everything_back_and_says_so(stack: LiveStack) -> None:
    before = stack.snapshot()
    process = stack.never_ready()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "everything was rolled back" in errors
    assert stack.snapshot()[0] == before[0]
    assert stack.snapshot()[2] == before[2]


def test_an_operation_is_put_back_when_its_terminal_is_closed(stack: LiveStack) -> None:
    """The shell's terminal goes away: SIGHUP, and every write to it fails from then on.

    A pipe that nobody reads: tests/unit/videa_cli/test_streams.py.
    """
    before = stack.containers()
    controlling, terminal = os.openpty()
    process = stack.never_ready(
        command=(sys.executable, "-c", ON_A_TERMINAL),
        options={"stdin": terminal, "stdout": terminal, "stderr": terminal, "start_new_session": True},
    )
    os.close(terminal)
    os.close(controlling)
    assert process.wait(60) == 130
    assert stack.containers() == before
    assert "free" in stack.done("lock", "status")


def test_maintenance_shuts_out_all_but_health_and_the_allowed_and_outlives_operations(stack: LiveStack) -> None:
    def page() -> tuple[int, str | None, str]:
        try:
            with urlopen(Request(stack.url + "/api/v1/titles", method="POST", data=b"{}"), timeout=10):
                pytest.fail("let in")
        except HTTPError as error:
            return error.code, error.headers["Retry-After"], error.read().decode()

    def let_in() -> bool:
        """An old worker of nginx may take one more connection after the new ones serve."""
        return stack.answers("/api/v1/titles")

    before = stack.snapshot()
    stack.done("maintenance", "on", "--dry-run")
    assert stack.snapshot() == before
    stack.done("maintenance", "on", "--retry-after", "10m")
    try:
        assert "already closed" in stack.done("maintenance", "on", "--retry-after", "10m")
        assert "0 failed" in stack.done("scale", "3")
        stack.compose("restart", "nginx")
        stack.until(stack.is_ready)
        assert stack.get("/health/ready")["status"] == "ready"
        status, after, text = page()
        assert (status, after) == (503, "600")
        assert "Back soon" in text
        assert stack.status()["maintenance"]
        assert stack.get("/health")["status"]
        assert "closed for maintenance" in stack.videa("doctor", "--only", "balancer").stdout
        stack.done("maintenance", "on", "--allow", "0.0.0.0/0")
        stack.until(let_in, 5)
    finally:
        stack.done("maintenance", "off")
    assert not stack.status()["maintenance"]
    stack.until(let_in, 5)


def test_a_dry_run_changes_nothing(stack: LiveStack) -> None:
    _, new = stack.releases()
    before = stack.snapshot()
    assert "start 3 replicas" in stack.done("scale", "5", "--dry-run")
    plan = stack.done("plan", "--image", new)
    assert "1 more than now" in plan
    assert re.search(r"64 MiB more memory; .* are free\n.*5 more database connections; \d+ are free", plan)
    assert plan.count("(from here on, a rollback must start replicas)") == 2
    assert "nothing was changed" in plan
    assert stack.snapshot() == before
