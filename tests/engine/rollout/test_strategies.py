"""Blue-green deploys, rollbacks, hooks and followers on a real stack, under load, as their users run them."""

from __future__ import annotations

import json

from tests.engine.client import under_load
from tests.engine.conftest import LiveStack, make_image, read_env
from tests.engine.rollout.seen import last_of_history, release_of, standing

RATE = 100


def test_blue_green_switches_once_with_its_hooks_and_loses_no_request(stack: LiveStack) -> None:
    """A hook that fails changes nothing; one before the traffic runs in the new release."""
    _, new = stack.releases()
    path = stack.directory / "test.yml"
    good, before = path.read_text(), stack.snapshot()
    check = 'curl -fsS -H "$VIDEA_HEADER" "$VIDEA_URL/api/v1/whoami" > checked'
    program = "import os, redis; redis.from_url(os.environ['REDIS_URL']).set('videa:test-hook', os.environ['RELEASE'])"
    hook = f'python -c "{program}"'
    with under_load(stack.url, rate=RATE) as watched:
        try:
            path.write_text("x-videa: {hooks: {pre_deploy: python -c 'raise SystemExit(4)'}}\n")
            failed = stack.videa("deploy", "--image", new)
            assert failed.returncode == 1
            assert "the hook pre_deploy failed" in failed.stderr
            assert stack.snapshot() == before
            path.write_text(f"x-videa: {{hooks: {{pre_traffic: {json.dumps(hook)}}}}}\n")
            options = ("--keep", "1s", "--check", "/health", "--check", check)
            stack.done("deploy", "--image", new, "--blue-green", *options)
        finally:
            path.write_text(good)
    assert watched.report["failed"] == 0, watched.report["failures"][:5]
    replicas = stack.status()["replicas"]
    assert {each["image"] for each in replicas} == {new}
    assert json.loads((stack.directory / "checked").read_text())["release"] == replicas[0]["release"]
    assert stack.exec("redis", "redis-cli", "get", "videa:test-hook").strip() == replicas[0]["release"]
    assert f"{stack.project}-videa-" not in stack.docker("ps", "--all", "--format", "{{.Names}}")
    last = last_of_history(stack)
    assert (last["action"], last["failed"]) == ("blue-green", 0)


def test_while_the_old_set_is_kept_there_is_a_way_back_to_it(stack: LiveStack) -> None:
    _, new = stack.releases()
    before, old = stack.replicas(), release_of(stack)
    with under_load(stack.url, rate=RATE) as watched:
        process = stack.start_videa("deploy", "--image", new, "--blue-green", "--keep", "5m")
        stack.until(lambda: "keep the old replicas" in standing(stack), 120)
        assert release_of(stack) != old
        stack.done("rollback", PATH="")  # Compose is not needed where the deploy was begun, and would take its time
        process.communicate()
    assert process.returncode == 1
    assert stack.replicas() == before
    assert watched.report["failed"] == 0, watched.report["failures"][:5]


def test_other_services_of_the_image_follow_a_release_and_go_back_with_it_and_its_environment(stack: LiveStack) -> None:
    stack.done("scale", "1")
    running, new = stack.releases()
    first = stack.status()["replicas"][0]["release"]
    path, env = stack.directory / "test.yml", stack.directory / ".env"
    good, remembered = path.read_text(), env.read_text()
    command = '["sh", "-c", "[ ! -e /tmp/refused ] && exec sleep infinity"]'
    worker = f"worker: {{image: '${{BACKEND_IMAGE}}', init: true, command: {command}}}"
    bad = make_image("RUN touch /tmp/refused")

    def image_of_worker() -> str:
        listed = stack.compose("ps", "--all", "--format", "{{.Image}} {{.State}}", "worker")
        assert listed.split()[1:] == ["running"], listed
        return listed.split()[0]

    def unchanged_by_compose() -> None:
        kept = stack.containers()
        stack.compose("up", "--detach")
        assert stack.containers() == kept

    path.write_text(f"x-videa: {{also: [worker]}}\nservices: {{{worker}}}\n")
    try:
        stack.compose("up", "--detach", "worker")
        assert image_of_worker() == running
        env.write_text(remembered + "APP_ENV=test\n")
        stack.done("deploy", "--image", new)
        assert (image_of_worker(), set(stack.images()), read_env(env)["APP_ENV"]) == (new, {new}, "test")
        unchanged_by_compose()
        done = stack.videa("deploy", "--image", bad)
        assert done.returncode != 0
        assert "update worker" in done.stderr
        assert image_of_worker() == new
        assert set(stack.images()) == {new}
        with under_load(stack.url, rate=RATE) as watched:
            stack.done("rollback", first[:6])  # without a name: test_other_projects.py
        replicas = stack.status()["replicas"]
        assert {(each["release"], each["image"]) for each in replicas} == {(first, running)}
        assert (image_of_worker(), read_env(env)["APP_ENV"] != "test") == (running, True)
        assert watched.report["failed"] == 0, watched.report["failures"][:5]
        assert last_of_history(stack)["action"] == "rollback"
        unchanged_by_compose()
    finally:
        stack.compose("rm", "--force", "--stop", "worker")
        path.write_text(good)
