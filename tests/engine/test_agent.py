"""The container `agent`: non-root, without a network, with the engine's socket; it keeps the balancer's list right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import docker
from tests.engine.conftest import LiveStack

SOCKET = Path("/var/run/docker.sock")


@pytest.fixture
def agent(stack: LiveStack) -> Iterator[str]:
    """The name of the running container."""
    if not SOCKET.is_socket():
        pytest.skip("the engine has no socket on this machine")
    docker("compose", "--profile", "agent", "build", "agent")
    with stack.env(COMPOSE_PROFILES="agent", DOCKER_GID=str(SOCKET.stat().st_gid)):
        stack.compose("up", "--detach", "--no-deps", "agent")
        try:
            yield f"{stack.project}-agent-1"
        finally:
            stack.compose("rm", "--stop", "--force", "agent")


def test_a_frozen_replica_is_out_until_it_answers_again_and_one_that_compose_has_started_gets_requests(
    stack: LiveStack, agent: str
) -> None:
    """`videa watch`, which is the same loop: rollout/test_waits.py."""
    both = set(stack.replicas())
    frozen = min(both)
    stack.docker("pause", frozen)
    try:
        stack.until(lambda: stack.listed() == both - {frozen})
        assert json.loads(stack.done("agent", "status", "--json"))["ejected"] == [frozen]
        stack.docker("kill", agent)  # its restart policy does not apply to a kill by hand
        stack.docker("start", agent)
    finally:
        stack.docker("unpause", frozen)
    stack.until(lambda: stack.listed() == both)

    def told() -> list[str]:
        """What it says of its start and of replicas. It may also say that it waits for its predecessor's lock."""
        said = [json.loads(line)["type"] for line in stack.docker("logs", agent).splitlines()]
        return [each for each in said if each in ("agent_started", "taken_out", "let_back")]

    stack.until(lambda: len(told()) == 4)  # it is listed before this is said
    assert told() == ["agent_started", "taken_out", "agent_started", "let_back"]
    stack.compose("up", "--detach", "--no-recreate", "--no-deps", "--scale", "backend=3", "backend")
    stack.until(lambda: stack.listed() == set(stack.replicas()) > both)
    assert stack.in_balancer() == set(stack.replicas())
    assert stack.videa("watch").returncode == 7
