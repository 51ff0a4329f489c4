"""Replicas that are not ready, and what they do not reach; nginx without room; refused clients; a changed file."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ops.balancer.access_log import Line
from ops.doctor.collectors import reach
from ops.doctor.collectors.declared import networks_of
from ops.doctor.collectors.traffic import summarise
from ops.doctor.facts import History, OperationFacts
from ops.doctor.facts_balancer import Failure, Traffic
from ops.doctor.facts_replicas import Beat, InstanceFacts
from ops.doctor.facts_services import Reached
from tests.unit.ops.doctor.stack import (
    NOW,
    balancer,
    container,
    declared,
    finding,
    healthy,
    instance,
    replica,
    report_on,
    reported,
    with_replicas,
)

UNREADY: dict[str, Any] = {"ready": 503, "reason": "503: postgres: no answer within 1 s", "database": "fail"}


def sick(**changes: Any) -> list[InstanceFacts]:
    return [instance(1), instance(2, **{**UNREADY, **changes})]


def causes(**changes: Any) -> dict[str, str]:
    return {one.id: one.cause for one in report_on(**changes).findings}


def test_a_replica_tells_why_it_is_not_ready() -> None:
    result = finding("app.not_ready", instances=sick())
    assert (result.subject, result.evidence) == ("app-backend-2", "503: postgres: no answer within 1 s")


@pytest.mark.parametrize(
    "changes",
    [
        {"containers": with_replicas(replica(1), replica(2, started=NOW - 10))},
        {"operation": OperationFacts(holder="ann", alive=True)},
    ],
)
def test_one_that_has_just_started_or_that_an_operation_changes_need_not_be_ready(changes: dict[str, Any]) -> None:
    assert reported(instances=sick(), **changes) == []


def test_without_postgres_no_replica_can_be_ready() -> None:
    down = replace(healthy().postgres, up=False, error="stopped")  # type: ignore[type-var]
    assert causes(instances=sick()[1:], postgres=down) == {"pg.down": "", "app.not_ready": "pg.down"}


def test_names_that_do_not_resolve_are_the_cause() -> None:
    lost = {"app-backend-2": [Reached("postgres", 5432, resolves=False), Reached("redis", 6379, resolves=False)]}
    local = sick(limiter="local")
    found = causes(instances=local, reach=lost, traffic=Traffic(60, 1000, 900))
    assert found == {
        "net.dns": "",
        "app.not_ready": "net.dns",
        "app.ratelimit_local": "net.dns",
        "lb.5xx": "net.dns",
    }
    result = finding("net.dns", instances=local, reach=lost)
    assert result.evidence == "app-backend-2: no address for postgres, redis"
    assert result.fix.startswith("docker restart app-backend-2")


def test_docker_does_not_know_the_name_of_a_service_that_is_stopped() -> None:
    containers = [replace(one, state="exited") if one.service == "redis" else one for one in healthy().containers or []]
    lost = {"app-backend-2": [Reached("redis", 6379, resolves=False)]}
    assert "net.dns" not in causes(containers=containers, reach=lost, instances=sick())


def test_a_replica_that_was_disconnected_from_its_network() -> None:
    containers = with_replicas(replica(1, networks=["app_data"]), replica(2, networks=["app_app"]))
    found = causes(containers=containers, instances=sick())
    assert found == {"net.unreachable": "", "app.not_ready": "net.unreachable"}
    result = finding("net.unreachable", containers=containers)
    assert "app-backend-2 cannot reach nginx, postgres, redis: it is not on app_data" in result.title
    assert result.fix == "docker network connect --alias backend app_data app-backend-2"


def test_a_service_that_accepts_no_connection_from_one_replica() -> None:
    blocked = {"app-backend-2": [Reached("postgres", 5432, True, False), Reached("redis", 6379, True, True)]}
    result = finding("net.unreachable", instances=sick(), reach=blocked)
    assert result.title == "app-backend-2 cannot connect to postgres"
    unknown = {"app-backend-2": [Reached("postgres", 5432)]}
    assert "net.unreachable" not in causes(instances=sick(), reach=unknown)


def test_what_a_replica_is_asked_to_reach_and_its_answers() -> None:
    environment = {
        "DATABASE_URL": "postgresql://app:p@postgres/videa?x=1",
        "REDIS_URL": "redis://:p@redis-1:7000,redis-2/0",
        "FRONTEND_URL": "http://localhost:80",
        "BROKEN": "http://[",
        "PORT": "3001",
    }
    wanted = [("postgres", 5432), ("redis-1", 7000), ("redis-2", 6379)]
    assert reach.targets(environment, ["postgres", "redis-1", "redis-2", "nginx"]) == wanted
    answers = reach.read("postgres 5432 no -\nredis-1 7000 yes no\nnoise\nredis-2 6379 - -\n")
    assert answers == [
        Reached("postgres", 5432, False),
        Reached("redis-1", 7000, True, False),
        Reached("redis-2", 6379),
    ]


def test_the_networks_of_a_service_by_their_names_on_the_engine() -> None:
    model = {"networks": {"data": {"name": "shop_data"}, "edge": None}}
    assert networks_of(model, {"networks": {"data": None, "edge": None}}) == ["shop_data", "edge"]
    assert networks_of(model, {"network_mode": "none"}) == []
    shared = {"networks": {"data": {"name": "shop_data"}, "edge": {"name": "edge", "external": True}}}
    assert networks_of(shared, {"networks": {"data": None, "edge": None}}, "-swarm") == ["shop_data-swarm", "edge"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connections": 80, "most_connections": 100}, []),
        ({"connections": 81, "most_connections": 100}, [("lb.connections", "warn")]),
        ({"connections": 98, "most_connections": 100}, [("lb.connections", "fail")]),
        ({"full": 0.8, "space": 16 << 20}, []),
        ({"full": 0.81, "space": 16 << 20}, [("lb.tmpfs", "warn")]),
        ({"full": 1.0, "space": 16 << 20}, [("lb.tmpfs", "fail")]),
    ],
)
def test_nginx_runs_out_of_room(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reported(balancer=balancer(**changes)) == expected


def test_nginx_that_hangs_without_connections_is_not_said_to_be_broken() -> None:
    hangs = balancer(answers={}, failures={"no answer": 20}, serving="", connections=100, most_connections=100)
    assert causes(balancer=hangs)["lb.no_live"] == "lb.connections"


def test_failures_by_status_path_and_who_answered() -> None:
    lines = [
        Line(1.0, 503, 0.1, path="/titles/17", upstream="10.0.0.2:3001", upstream_first="0.1"),
        Line(1.0, 503, 0.1, path="/titles/18", upstream="10.0.0.2:3001", upstream_first="0.1"),
        Line(1.0, 502, 0.1, path="/titles", upstream="10.0.0.3:3001, app : 10.0.0.2:3001", upstream_first="-, - : -"),
        Line(1.0, 500, 0.1, path="/"),
        Line(1.0, 429, 0.1, path="/", remote="10.0.0.9"),
        Line(1.0, 429, 0.1, path="/", upstream="10.0.0.2:3001", upstream_first="0.1"),
    ]
    traffic = summarise(lines)
    assert traffic.failures == [
        Failure(503, "/titles/*", "10.0.0.2:3001", True, 2),
        Failure(502, "/titles", "10.0.0.2:3001", False, 1),
        Failure(500, "/", "", False, 1),
    ]
    assert traffic.retried == {"10.0.0.3:3001": 1}
    assert (traffic.limited, traffic.limited_here, traffic.clients) == (2, 1, 2)
    assert traffic.limited_paths == {"/": 1}


@pytest.mark.parametrize(("answered", "log"), [(True, "logs --tail 50 backend"), (False, "logs --tail 50 nginx")])
def test_the_log_to_look_at_is_that_of_who_answered(answered: bool, log: str) -> None:
    failures = [Failure(502, "/titles", "10.0.0.2:3001", answered, 900)]
    containers = with_replicas(replica(1, addresses=["10.0.0.2"]), replica(2))
    result = finding("lb.5xx", traffic=Traffic(60, 1000, 900, failures=failures), containers=containers)
    assert log in result.fix
    by = "by app-backend-1" if answered else "by nginx, app-backend-1 gave no answer"
    assert f"900 x 502 /titles, {by}" in result.evidence


@pytest.mark.parametrize(
    ("traffic", "fix"),
    [
        (Traffic(60, 100, 0, limited=51, clients=9), "RATE_LIMITS"),
        (Traffic(60, 100, 0, limited=51, limited_here=50, clients=9), "REQUESTS_PER_CLIENT"),
        (Traffic(60, 100, 0, limited=51, proxied={"10.0.0.1": 95}), "x-videa.proxy.trusted"),
    ],
)
def test_most_clients_are_refused_by_a_limit(traffic: Traffic, fix: str) -> None:
    result = finding("app.ratelimit_all", traffic=traffic)
    assert (result.severity, fix in result.fix) == ("warn", True)


@pytest.mark.parametrize(
    ("paths", "limits"),
    [
        ({"/api/v1/auth/login": 60, "/api/v1/titles": 40}, "user=1200/60,address=600/60,login=100/60"),
        (
            {"/api/v1/auth/login": 40, "/api/v1/titles": 30, "/api/v1/me": 30},
            "user=12000/60,address=6000/60,login=10/60",
        ),
    ],
)
def test_the_limit_that_refuses_most_is_raised_and_the_others_stay(paths: dict[str, int], limits: str) -> None:
    beat = Beat("backend1", rate_limits={"user": (1200, 60), "address": (600, 60), "login": (10, 60)})
    traffic = Traffic(60, 150, 0, limited=100, limited_paths=paths)
    fix = finding("app.ratelimit_all", traffic=traffic, fleet=[beat]).fix
    assert fix == f"if they are your users, set in .env: RATE_LIMITS={limits}\nthen: videa deploy"


def test_half_of_the_clients_may_be_refused() -> None:
    assert reported(traffic=Traffic(60, 100, 0, limited=50)) == []


@pytest.mark.parametrize(
    ("hashes", "in_file", "image", "expected"),
    [
        (("a", "a"), "a", "", []),
        (("a", "a"), "b", "", [("deploy.drift", "info")]),
        (("a", "b"), "b", "", []),  # a deploy by hand has begun: the images tell
        (("a", "a"), "", "", []),
        (("a", "a"), "a", "sha256:new", [("deploy.drift", "info")]),
        (("a", "a"), "a", "sha256:backend", []),
    ],
)
def test_the_file_has_changed_since_the_last_deploy(
    hashes: tuple[str, str], in_file: str, image: str, expected: list[tuple[str, str]]
) -> None:
    containers = with_replicas(*(replica(number + 1, config_hash=hash_) for number, hash_ in enumerate(hashes)))
    wanted = declared(config_hash=in_file, image_id=image)
    assert reported(containers=containers, declared=wanted) == expected
    operation = OperationFacts(waiting="`videa deploy` waits")
    assert "deploy.drift" not in dict(reported(containers=containers, declared=wanted, operation=operation))
    never_up = [container for container in containers if container.service != "nginx"]
    assert "deploy.drift" not in dict(reported(containers=never_up, declared=wanted))


def test_a_killed_process_is_not_a_killed_container() -> None:
    runs_on = finding("ctr.oom", containers=with_replicas(replica(1), replica(2, oom_kills=1)))
    assert "runs on" in runs_on.evidence and "every request" not in runs_on.why
    ended = finding("ctr.oom", containers=with_replicas(replica(1), replica(2, oom_killed=True, finished=NOW - 60)))
    assert "exit code" in ended.evidence and "every request" in ended.why


def test_a_kernel_counter_ages_from_when_it_was_seen_to_grow() -> None:
    killed = replica(2, oom_kills=2)
    old = History(oom={killed.id: [(NOW - 90000, 2)]})
    new = History(oom={killed.id: [(NOW - 90000, 1), (NOW - 60, 2)]})
    grown = History(oom={killed.id: [(NOW - 90000, 1)]})
    containers = with_replicas(replica(1), killed)
    assert reported(containers=containers, history=old) == []
    assert reported(containers=containers, history=new) == [("ctr.oom", "fail")]
    assert reported(containers=containers, history=grown) == [("ctr.oom", "fail")]


def test_a_service_that_no_replica_can_connect_to_is_one_finding_about_the_service() -> None:
    unready = [instance(number, ready=503, reason="503: no connection") for number in (1, 2)]
    lost = [Reached("postgres", 5432, resolves=True, connects=False)]
    reach = {"app-backend-1": lost, "app-backend-2": lost}
    report = report_on(instances=unready, reach=reach)
    assert [(each.id, each.cause) for each in report.findings if each.id != "lb.no_live"] == [
        ("net.unreachable", ""),
        ("app.not_ready", "net.unreachable"),
        ("app.not_ready", "net.unreachable"),
    ]
    assert report.findings[0].fix.startswith("docker compose restart postgres")


def test_a_service_that_starts_again_and_again_is_no_name_that_does_not_resolve() -> None:
    unready = [instance(number, ready=503, reason="503: no address") for number in (1, 2)]
    reach = {each.name: [Reached("postgres", 5432, resolves=False)] for each in unready}
    others = [each for each in with_replicas(replica(1), replica(2)) if each.service != "postgres"]
    looping = container("postgres", restarts=9, started=NOW - 1)
    assert "net.dns" in causes(instances=unready, reach=reach)
    assert "net.dns" not in causes(instances=unready, reach=reach, containers=[*others, looping])
