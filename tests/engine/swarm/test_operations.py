"""Operations on a swarm that end in another way than usual: waits, failures, and a process that is killed."""

from __future__ import annotations

import subprocess

import pytest

from bench.temporary_stack import videa_command
from tests.engine.swarm.test_swarm import REASON, Shop, image, machines, shop, until

pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

__all__ = ["machines", "shop"]


def kill_deploy(shop: Shop, name: str, after: str) -> None:
    """Starts a deploy, and kills it with -9 when it has printed ``after``."""
    command = shop.manager.inside(videa_command(), "deploy", "--image", image(name))
    with subprocess.Popen(
        command, cwd=shop.folder, env=shop.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any(after in line for line in process.stderr), f"the deploy has ended without {after!r}"
        process.kill()


def test_a_killed_deploy_is_taken_back_or_completed(shop: Shop) -> None:
    before = set(shop.replicas())
    with shop.load() as report:
        kill_deploy(shop, "other", after="✓ start")
        shop.done("abort")
        assert set(shop.replicas()) == before
        kill_deploy(shop, "other", after="✓ drain")  # a replica from before is about to be removed
        shop.done("abort")
        assert set(shop.replicas()) == before
        kill_deploy(shop, "other", after="✓ drain")
        shop.done("deploy", "--resume")
        assert shop.well(2)
        assert not set(shop.replicas()) & before
    assert (report["failed"], report["not_sent"]) == (0, 0)


def test_both_sets_of_a_blue_green_deploy_run_until_somebody_decides(shop: Shop) -> None:
    before = set(shop.replicas())
    wait = ("--blue-green", "--keep", "10m", "--until-wait")
    with shop.load() as report:
        shop.done("deploy", "--image", image("good"), *wait)
        assert len(shop.replicas()) == 4
        shop.done("abort")
        assert set(shop.replicas()) == before
        shop.done("deploy", "--image", image("good"), *wait)
        shop.done("promote")
        assert shop.well(2)
        assert not set(shop.replicas()) & before
    assert (report["failed"], report["not_sent"]) == (0, 0)


def test_a_deploy_without_a_terminal_ends_by_itself(shop: Shop) -> None:
    before = set(shop.replicas())
    with shop.load() as report:
        shop.done("deploy", "--force", "--detach")
        until(lambda: not set(shop.replicas()) & before and shop.well(2))
    assert (report["failed"], report["not_sent"]) == (0, 0)


def test_an_agent_on_a_manager_takes_a_hanging_replica_out_and_returns_it(shop: Shop) -> None:
    hanging = next(iter(shop.replicas()))
    machine = shop.machines[int(shop.replicas()[hanging]["node"].removeprefix("node")) - 1]
    container = machine.docker("ps", "--quiet", "--filter", f"name={hanging}.")
    command = shop.manager.inside(videa_command(), "agent", "--doctor", "off")
    with subprocess.Popen(
        command, cwd=shop.folder, env=shop.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as agent:
        try:
            machine.docker("pause", container)
            until(lambda: not shop.replicas()[hanging]["in_balancer"])
            machine.docker("unpause", container)
            until(lambda: shop.well(2))
        finally:
            agent.terminate()


def test_a_release_that_fails_leaves_and_the_message_says_why(shop: Shop) -> None:
    before = set(shop.replicas())
    with shop.load() as report:
        failed = shop.videa("deploy", "--image", image("exits"), DEADLINE="6s")
    assert failed.returncode != 0
    assert "no database" in failed.stderr + failed.stdout
    assert set(shop.replicas()) == before
    assert report["failed"] == 0
    with shop.load() as report:
        failed = shop.videa("deploy", "--image", image("broken"), "--canary")
    assert failed.returncode != 0
    assert set(shop.replicas()) == before
    assert set(report["failed_by_kind"]) <= {"status_500"}, "only what the canary itself has answered"
