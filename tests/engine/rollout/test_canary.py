"""Canary deploys on a real stack, under load: good releases get everything, bad ones never more than their share."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.engine.client import under_load
from tests.engine.conftest import LiveStack, make_image
from tests.engine.rollout.seen import key_of_testers, last_of_history, release_of, standing

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
    "404 to everything": ("raise aiohttp.web.HTTPNotFound()", r"client errors \(4xx\)"),
    "slow": ("await asyncio.sleep(4 if random.random() < 0.3 else 0)", r"p99 .* is above"),
    "leaks memory": ("self.__dict__.setdefault('kept', []).append(b'x' * (1 << 23))", r"lack of memory|leaks memory"),
    "exits": ("time.time() - born > 8 and __import__('os')._exit(7)", r"exit code 7|was restarted"),
}
"""One for each source of a verdict: the answers and their times in nginx's log, memory, and the container.

What is made of the figures: tests/unit/ops/rollout/test_judgement.py.
"""

LONG = "5s"
"""An interval in which a fault shows before the canary's second share has passed."""

MOVED = (
    "import os, sys; os.environ['PORT'] = '3002'; sys.path.insert(0, '.'); import aiohttp.web;\n"
    "A = aiohttp.web.Application; old = A._handle\n"
    "async def handle(self, request):\n"
    "    if request.path == '/health/ready': raise aiohttp.web.HTTPNotFound()\n"
    "    if request.path == '/new': raise aiohttp.web.HTTPInternalServerError()\n"
    "    if request.path == '/healthz': request = request.clone(rel_url='/health/ready')\n"
    "    return await old(self, request)\n"
    "A._handle = handle\n"
    "import runpy; runpy.run_module('server', run_name='__main__')"
)
"""A release that is ready at another path, listens on another port, and has a new part, which always fails."""


def faulty(name: str) -> str:
    """An image of a release that becomes ready and then misbehaves."""
    program = FAULTY.format(fault=FAULTS[name][0])
    return make_image(f"CMD {json.dumps(['python', '-c', program])}")


def await_step(process: subprocess.Popen[str], words: str) -> None:
    """Reads what videa says until a line has these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"{words!r} never came")


@contextmanager
def asking(url: str, header: str) -> Iterator[list[int]]:
    """Asks for a path 20 times a second with this X-Videa-Canary; the statuses."""
    statuses: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.05):
            try:
                with urlopen(Request(url, headers={"X-Videa-Canary": header}), timeout=10) as answer:
                    statuses.append(answer.status)
            except HTTPError as error:
                error.close()
                statuses.append(error.code)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        thread.join()


def choose_release(stack: LiveStack, key: str, old: str) -> str:
    """The release of a canary, which the key selects by header and by cookie, and its opposite never."""
    new = release_of(stack, key)
    assert release_of(stack, cookie=key) == new
    assert release_of(stack, cookie=f"{key}.never") == old
    assert {release_of(stack, f"{key}.never") for _ in range(20)} == {old}
    assert new != old
    return new


def test_a_canary_on_another_port_and_health_path_is_promoted_step_by_step_and_loses_no_request(
    stack: LiveStack,
) -> None:
    """And rolled back onto the old ones, and replaced again, each asked as its own release declares it.

    Neither a stranger nor a tester has a say in the verdict: a stranger's errors are spread as all others' are; a
    tester's, in a part that only the new release has, are not judged, but the proof counts them.
    """
    running, _ = stack.releases()
    old, key = release_of(stack), key_of_testers(stack)
    canary = ("deploy", "--image", make_image(f"CMD {json.dumps(['python', '-c', MOVED])}"), "--canary")
    path = stack.directory / "test.yml"
    good = path.read_text()
    with under_load(stack.url, rate=RATE) as watched:
        try:
            path.write_text(good.replace("health: {", "port: 3002\n  health: {ready: /healthz, "))
            aborted = stack.start_videa(*canary, "--pause-at", "10")
            stack.until(lambda: "paused at 10%" in standing(stack))
            stack.done("abort")
            aborted.communicate()
            assert set(stack.images()) == {running}
            with asking(f"{stack.url}/nothing", "always") as strangers, asking(f"{stack.url}/new", key) as testers:
                process = stack.start_videa(*canary, "--pause-at", "10")
                stack.until(lambda: "paused at 10%" in standing(stack))
                watching = stack.start_videa("deploy", "--watch")
                new = choose_release(stack, key, old)
                assert stack.videa("scale", "3").returncode == 7
                # Other options than the deploy's: Compose is asked.
                stack.done("--project-name", stack.project, "promote")
                _, said = process.communicate()
            ended, followed = watching.communicate()
            last = last_of_history(stack)
        finally:
            path.write_text(good)
        assert set(stack.images()) == {canary[2]}
        stack.done("deploy", "--image", running)
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert process.returncode == 0, said
    assert "videa config --tester-header" in said
    assert key not in said
    assert watching.returncode == 0, followed
    assert "judge the canary at 50%" in followed
    assert "100%: pass" in followed
    assert ended.startswith(f"done: release {new}")
    assert isinstance(last["verdicts"], list)
    passed = [each for each in last["verdicts"] if ": pass" in each]
    assert [each.split(":")[0] for each in passed] == ["10%", "50%", "100%"]
    assert all(re.search(r"p99 [1-9]\d* ms", each) for each in passed), passed
    assert set(strangers) == {404}
    assert testers.count(500) > 20
    assert isinstance(last["failed"], int)
    assert testers.count(500) / 2 < last["failed"] <= testers.count(500)


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_release_is_caught_before_it_has_more_than_its_second_share(stack: LiveStack, name: str) -> None:
    stack.releases()
    bad, before = faulty(name), stack.replicas()
    with under_load(stack.url, rate=RATE):
        done = stack.videa("deploy", "--image", bad, "--canary", INTERVAL=LONG)
    assert done.returncode == 1, done.stderr
    assert re.search(r"the canary failed at (10|50)%", done.stderr), done.stderr
    assert re.search(FAULTS[name][1], done.stderr), done.stderr
    assert stack.replicas() == before
    assert "Traceback" not in done.stderr


def test_a_release_that_has_lost_redis_is_caught_though_it_answers_well(stack: LiveStack) -> None:
    running, _ = stack.releases()
    lost = make_image(f"CMD {json.dumps(['sh', '-c', 'REDIS_URL=redis://127.0.0.1:1/0 exec python -m server'])}")
    with under_load(stack.url, rate=RATE) as watched:
        done = stack.videa("deploy", "--image", lost, "--canary", INTERVAL=LONG)
    assert done.returncode == 1, done.stderr
    assert re.search(r"the canary failed at (10|50)%: .* it cannot use Redis; stable does not", done.stderr), (
        done.stderr
    )
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    assert set(stack.images()) == {running}


def test_with_stable_gone_the_canary_is_left_to_serve(stack: LiveStack) -> None:
    _, new = stack.releases()
    stable = stack.replicas()
    process = stack.start_videa("deploy", "--image", new, "--canary", "--pause-at", "10")
    with under_load(stack.url, rate=RATE):
        await_step(process, "judge the canary at 10%")
    stack.docker("rm", "--force", *stable)
    stack.videa("abort")
    _, said = process.communicate()
    assert "still exists and is ready" in said
    assert stack.images() == [new]
    stack.until(lambda: stack.answers("/health/live"))  # nginx learns within 2 s that the removed are gone
    stack.done("deploy", "--image", new)
