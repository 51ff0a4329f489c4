"""Blue-green and canary on a real stack, under load, as their users run them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from urllib.request import Request, urlopen

import pytest

from bench.client import under_load
from tests.engine.conftest import GOOD, OTHER, LiveStack, make_image

RATE = 100

FAULTY = (
    "import sys; sys.path.insert(0, '.');"
    "import aiohttp.web, random, asyncio, time; A = aiohttp.web.Application; old = A._handle; born = time.time();\n"
    "async def handle(self, request):\n"
    "    if request.path.startswith('/health'): return await old(self, request)\n"
    "    {fault}\n"
    "    return await old(self, request)\n"
    "A._handle = handle\n"
    "import runpy; runpy.run_module('server', run_name='__main__')"
)
FAULTS = {
    "errors on 5%": ("if random.random() < 0.05: raise aiohttp.web.HTTPInternalServerError()", r"succeed|more often"),
    "404 to everything": ("raise aiohttp.web.HTTPNotFound()", r"client errors \(4xx\)"),
    "slow": ("await asyncio.sleep(4 if random.random() < 0.3 else 0)", r"p99 .* is above"),
    "leaks memory": ("self.__dict__.setdefault('kept', []).append(b'x' * (1 << 23))", r"lack of memory|leaks memory"),
    "exits": ("time.time() - born > 8 and __import__('os')._exit(7)", r"exit code 7|was restarted"),
}


MOVED = (
    "import os, sys; os.environ['PORT'] = '3002'; sys.path.insert(0, '.'); import aiohttp.web;\n"
    "A = aiohttp.web.Application; old = A._handle\n"
    "async def handle(self, request):\n"
    "    if request.path == '/health/ready': raise aiohttp.web.HTTPNotFound()\n"
    "    if request.path == '/healthz': request = request.clone(rel_url='/health/ready')\n"
    "    return await old(self, request)\n"
    "A._handle = handle\n"
    "import runpy; runpy.run_module('server', run_name='__main__')"
)
"""A release that is ready at another path, and listens on another port."""


def faulty(name: str) -> str:
    """An image of a release that becomes ready and then misbehaves."""
    program = FAULTY.format(fault=FAULTS[name][0])
    return make_image(f"CMD {json.dumps(['python', '-c', program])}")


def release_of(stack: LiveStack, header: str = "", cookie: str = "") -> str:
    """Which release answers, through nginx."""
    headers = {"X-Videa-Canary": header, "Cookie": f"theme=dark; videa_canary={cookie}"}
    with urlopen(Request(f"{stack.url}/api/v1/whoami", headers=headers), timeout=10) as answer:
        found: str = json.load(answer)["release"]
        return found


def await_step(process: subprocess.Popen[str], words: str) -> None:
    """Reads what videa says until a line has these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"{words!r} never came")


def last_of_history(stack: LiveStack) -> dict[str, object]:
    found: dict[str, object] = json.loads(stack.done("history", "--json"))["operations"][-1]
    return found


def test_blue_green_switches_once_and_loses_no_request(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    check = 'curl -fsS -H "$VIDEA_HEADER" "$VIDEA_URL/api/v1/whoami" > checked'
    with under_load(stack.url, rate=RATE) as watched:
        stack.done("deploy", "--image", OTHER, "--blue-green", "--keep", "1s", "--check", "/health", "--check", check)
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    replicas = stack.status()["replicas"]
    assert {each["image"] for each in replicas} == {OTHER}
    assert json.loads((stack.directory / "checked").read_text())["release"] == replicas[0]["release"]
    assert last_of_history(stack)["action"] == "blue-green"
    assert last_of_history(stack)["failed"] == 0


def test_a_failed_check_switches_nothing(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    before = stack.containers(), (stack.directory / ".env").read_text()
    done = stack.videa("deploy", "--image", OTHER, "--blue-green", "--check", "echo no such thing; exit 3")
    assert done.returncode == 1
    assert "ended with 3: no such thing" in done.stderr
    assert (stack.containers(), (stack.directory / ".env").read_text()) == before


@pytest.mark.parametrize("command", ["abort", "rollback"])
def test_while_the_old_set_is_kept_there_is_a_way_back_to_it(stack: LiveStack, command: str) -> None:
    stack.done("deploy", "--image", GOOD)
    before = stack.status()["replicas"]
    with under_load(stack.url, rate=RATE) as watched:
        process = stack.start_videa("deploy", "--image", OTHER, "--blue-green", "--keep", "5m")
        stack.until(lambda: "keep the old ones" in _journal(stack), 120)
        assert release_of(stack) != before[0]["release"]
        stack.done(command, PATH="")  # Compose is not needed where the deploy was begun, and would take its time
        process.communicate()
    assert process.returncode == 1
    assert [each["name"] for each in stack.status()["replicas"]] == [each["name"] for each in before]
    assert watched.report["failed"] == 0, watched.report["failures"][:5]


def test_a_canary_is_promoted_step_by_step_and_loses_no_request(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    old = stack.status()["replicas"][0]["release"]
    with under_load(stack.url, rate=RATE) as watched:
        process = stack.start_videa("deploy", "--image", OTHER, "--canary", "--pause-at", "10", INTERVAL="2s")
        stack.until(lambda: release_of(stack, "always") != old, 120)
        stack.until(lambda: "paused at 10%" in stack.done("lock", "status") + _journal(stack), 60)
        watching = stack.start_videa("deploy", "--watch")
        new = release_of(stack, "always")
        assert release_of(stack, cookie="always") == new
        assert release_of(stack, cookie="never") == old
        assert {release_of(stack, "never") for _ in range(20)} == {old}
        assert new != old
        assert stack.videa("scale", "3").returncode == 7
        stack.done("--project-name", stack.project, "promote")  # other options than the deploy's: Compose is asked
        _, said = process.communicate()
        ended, followed = watching.communicate()
    assert process.returncode == 0, said
    assert watching.returncode == 0, followed
    assert "judge the canary at 50%" in followed
    assert "100%: pass" in followed
    assert ended.startswith(f"done: release {new}")
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert {each["image"] for each in stack.status()["replicas"]} == {OTHER}
    verdicts = last_of_history(stack)["verdicts"]
    assert isinstance(verdicts, list)
    assert [each.split(":")[0] for each in verdicts if ": pass" in each] == ["10%", "50%", "100%"]


def test_a_release_that_moves_its_port_and_health_path_is_judged_at_every_share(stack: LiveStack) -> None:
    """And put back onto the old ones, and replaced again, each asked as its own release declares it."""
    stack.done("deploy", "--image", GOOD)
    moved = make_image(f"CMD {json.dumps(['python', '-c', MOVED])}")
    path = stack.directory / "test.yml"
    good = path.read_text()
    with under_load(stack.url, rate=RATE) as watched:
        try:
            path.write_text(good.replace("health: {", "port: 3002\n  health: {ready: /healthz, "))
            aborted = stack.start_videa("deploy", "--image", moved, "--canary", "--pause-at", "10", INTERVAL="2s")
            stack.until(lambda: "paused at 10%" in _journal(stack))
            stack.done("abort")
            aborted.communicate()
            assert {each["image"] for each in stack.status()["replicas"]} == {GOOD}
            stack.done("deploy", "--image", moved, "--canary", INTERVAL="2s")
            verdicts = last_of_history(stack)["verdicts"]
        finally:
            path.write_text(good)
        assert {each["image"] for each in stack.status()["replicas"]} == {moved}
        stack.done("deploy", "--image", GOOD)
    assert isinstance(verdicts, list)
    assert [each.split(":")[0] for each in verdicts if ": pass" in each] == ["10%", "50%", "100%"]
    assert watched.report["failed"] == 0, watched.report["failures"][:5]


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_release_is_caught_before_it_has_more_than_its_second_share(stack: LiveStack, name: str) -> None:
    stack.done("deploy", "--image", GOOD)
    bad, before = faulty(name), [each["name"] for each in stack.status()["replicas"]]
    with under_load(stack.url, rate=RATE):
        done = stack.videa("deploy", "--image", bad, "--canary")
    assert done.returncode == 1, done.stderr
    assert re.search(r"the canary failed at (10|50)%", done.stderr), done.stderr
    assert re.search(FAULTS[name][1], done.stderr), done.stderr
    assert [each["name"] for each in stack.status()["replicas"]] == before
    assert "Traceback" not in done.stderr


def test_a_release_that_has_lost_redis_is_caught_though_it_answers_well(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    lost = make_image(f"CMD {json.dumps(['sh', '-c', 'REDIS_URL=redis://127.0.0.1:1/0 exec python -m server'])}")
    with under_load(stack.url, rate=RATE) as watched:
        done = stack.videa("deploy", "--image", lost, "--canary")
    assert done.returncode == 1, done.stderr
    assert re.search(r"the canary failed at (10|50)%: .* it cannot use Redis; stable does not", done.stderr), (
        done.stderr
    )
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert {each["image"] for each in stack.status()["replicas"]} == {GOOD}


def test_too_few_requests_never_promote(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    path = stack.directory / "test.yml"
    good = path.read_text()
    path.write_text("x-videa: {canary: {steps: [10, 100], interval: 1s, deadline: 3s, min_requests: 1000}}\n")
    try:
        done = stack.videa("deploy", "--image", OTHER, "--canary")
    finally:
        path.write_text(good)
    assert done.returncode == 1
    assert "are too few to judge" in done.stderr
    assert {each["image"] for each in stack.status()["replicas"]} == {GOOD}


def test_with_stable_gone_the_canary_is_left_to_serve(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    stable = stack.replicas()
    process = stack.start_videa("deploy", "--image", OTHER, "--canary", "--pause-at", "10")
    with under_load(stack.url, rate=RATE):
        await_step(process, "judge the canary at 10%")
    stack.docker("rm", "--force", *stable)
    stack.videa("abort")
    _, said = process.communicate()
    assert "is there and ready any more" in said
    left = stack.status()["replicas"]
    assert [each["image"] for each in left] == [OTHER]
    stack.until(lambda: stack.answers("/health/live"))  # nginx learns within 2 s that the removed are gone
    stack.done("deploy", "--image", OTHER)


def test_the_share_is_what_was_asked_for(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    process = stack.start_videa("deploy", "--image", OTHER, "--canary", "--pause-at", "10")
    old = stack.status()["replicas"][0]["release"]
    with under_load(stack.url, rate=RATE):
        await_step(process, "judge the canary at 10%")
    script = 'for i in $(seq 10000); do printf "url=http://127.0.0.1:8080/api/v1/whoami\\n"; done | curl -s -K -'
    answers = stack.compose("exec", "-T", "nginx", "sh", "-c", script)
    stack.done("abort")
    process.communicate()
    releases = re.findall(r'"release": ?"(\w+)"', answers)
    assert len(releases) == 10_000
    assert 900 <= sum(each != old for each in releases) <= 1100


def test_rollback_brings_back_image_and_environment(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    first = stack.status()["replicas"][0]["release"]
    remembered = (stack.directory / ".env").read_text()
    (stack.directory / ".env").write_text(remembered + "APP_ENV=test\n")
    stack.done("deploy", "--image", OTHER)
    second = stack.status()["replicas"][0]["release"]
    with under_load(stack.url, rate=RATE) as watched:
        stack.done("rollback")
    assert {each["release"] for each in stack.status()["replicas"]} == {first}
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    stack.done("rollback", second[:6])
    assert {each["release"] for each in stack.status()["replicas"]} == {second}
    assert last_of_history(stack)["action"] == "rollback"
    kept = stack.containers()
    stack.compose("up", "--detach")
    assert stack.containers() == kept
    (stack.directory / ".env").write_text(remembered)
    stack.done("deploy", "--image", GOOD)


def _journal(stack: LiveStack) -> str:
    """What the running operation has written last, as a second terminal sees it."""
    from ops.factory import open_store
    from ops.rollout.journal import Journal
    from videa_cli.words import words

    state = Journal(open_store(), stack.project).read()
    time.sleep(0.2)
    return words(state.standing) if state else ""


def test_hooks_run_in_the_new_release_and_a_failing_one_changes_nothing(stack: LiveStack) -> None:
    stack.done("deploy", "--image", GOOD)
    path = stack.directory / "test.yml"
    good, before = path.read_text(), stack.snapshot()
    program = "import os, redis; redis.Redis('redis').set('videa-test-hook', os.environ['RELEASE'])"
    try:
        path.write_text("x-videa: {hooks: {pre_deploy: python -c 'raise SystemExit(4)'}}\n")
        failed = stack.videa("deploy", "--image", OTHER)
        assert failed.returncode == 1
        assert "the hook pre_deploy failed" in failed.stderr
        assert stack.snapshot() == before
        hook = f'python -c "{program}"'
        path.write_text(f"x-videa: {{hooks: {{pre_traffic: {json.dumps(hook)}}}}}\n")
        stack.done("deploy", "--image", OTHER)
    finally:
        path.write_text(good)
    said = stack.compose("exec", "-T", "redis", "redis-cli", "get", "videa-test-hook").strip()
    assert said == stack.status()["replicas"][0]["release"]
    assert "videa-hook" not in stack.docker("ps", "--all", "--format", "{{.Names}}")


def test_other_services_of_the_image_follow_a_release_and_go_back_with_it(stack: LiveStack) -> None:
    stack.done("scale", "1")
    stack.done("deploy", "--image", GOOD)
    path = stack.directory / "test.yml"
    good = path.read_text()
    command = '["sh", "-c", "[ ! -e /tmp/refused ] && exec sleep infinity"]'
    worker = f"worker: {{image: '${{BACKEND_IMAGE}}', init: true, command: {command}}}"
    bad = make_image("RUN touch /tmp/refused")

    def image_of_worker() -> str:
        listed = stack.compose("ps", "--all", "--format", "{{.Image}} {{.State}}", "worker")
        assert listed.split()[1:] == ["running"], listed
        return listed.split()[0]

    path.write_text(f"x-videa: {{also: [worker]}}\nservices: {{{worker}}}\n")
    try:
        stack.compose("up", "--detach", "worker")
        assert image_of_worker() == GOOD
        stack.done("deploy", "--image", OTHER)
        assert image_of_worker() == OTHER
        kept = stack.containers()
        stack.compose("up", "--detach")
        assert stack.containers() == kept
        done = stack.videa("deploy", "--image", bad)
        assert done.returncode != 0
        assert "let worker follow" in done.stderr
        assert image_of_worker() == OTHER
        assert {each["image"] for each in stack.status()["replicas"]} == {OTHER}
    finally:
        stack.compose("rm", "--force", "--stop", "worker")
        path.write_text(good)
