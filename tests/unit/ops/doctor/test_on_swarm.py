"""What the doctor tells to do works where the project runs: on a swarm, no command of Compose reaches a container."""

from __future__ import annotations

import pytest

from ops.doctor.check import Finding, Severity
from ops.doctor.facts_balancer import EdgeSight
from ops.doctor.facts_swarm import NodeFacts, SwarmFacts
from ops.doctor.on_swarm import reworded
from tests.unit.ops.doctor.stack import healthy

SWARM = SwarmFacts([NodeFacts("node1", "ready", "active", manager=True)])


def found(fix: str, node: str = "") -> Finding:
    return Finding("lb.config", Severity.FAIL, "title", "evidence", "why", fix, node=node)


@pytest.mark.parametrize(
    ("fix", "expected"),
    [
        ("docker compose logs --tail 50 backend\nvidea status", "videa logs --tail 50 backend\nvidea status"),
        ("docker compose up -d --wait --no-deps --no-recreate postgres", "videa up"),
        ("docker compose up -d", "videa up"),
        ("docker compose up -d --force-recreate redis", "videa up --recreate redis"),
        ("docker compose kill -s HUP nginx", "videa doctor --fix --apply"),
        ("docker compose restart --timeout 1 nginx", "docker service update --force app-nginx-1"),
        ("docker compose restart redis", "docker service update --force app-redis-1"),
        (
            "docker compose exec redis redis-cli INFO",
            "on its node: docker exec $(docker ps -qf name=app-redis-1) redis-cli INFO",
        ),
        ("docker logs --tail 50 app-backend-1", "docker service logs --tail 50 app-backend-1"),
        (
            "if only one fails: docker restart app-backend-1",
            "if only one fails: docker service update --force app-backend-1",
        ),
        ("docker start app-backend-2", "docker service scale app-backend-2=1"),
        ("docker rm -f app-old-1", "docker service rm app-old-1"),
        ("videa node activate node2", "videa node activate node2"),
    ],
)
def test_a_fix_is_for_the_swarm(fix: str, expected: str) -> None:
    (told,) = reworded([found(fix)], healthy(swarm=SWARM))
    assert told.fix == expected
    assert reworded([found(fix)], healthy()) == [found(fix)]


def test_a_fix_of_one_nginx_of_several_restarts_that_one() -> None:
    edges = [EdgeSight("app-nginx-1", "node1"), EdgeSight("app-nginx-2", "node2")]
    (told,) = reworded([found("docker compose restart nginx", "node2")], healthy(swarm=SWARM, edges=edges))
    assert told.fix == "docker service update --force app-nginx-2"
