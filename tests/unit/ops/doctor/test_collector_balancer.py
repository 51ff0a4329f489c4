"""What nginx says of its configuration, and which replicas its requests reach."""

from __future__ import annotations

import pytest

from ops.balancer.access_log import Line
from ops.balancer.render import parse, render
from ops.doctor.collectors import balancer
from ops.doctor.facts import UNKNOWN
from ops.doctor.facts_engine import ContainerFacts
from ops.traffic import Upstream
from tests.unit.ops.doctor.stack import NOW, replica


def script_output(
    configuration: str, verdict: str = "accepted", serving: str = "4", answers: str = "", expires: str = ""
) -> str:
    room = "worker 12 20000 8294\nworker 30 20000 8294\nspace 16384 4096"
    return "\n@videa@\n".join(["nginx version: nginx/1.30.6", verdict, configuration, serving, expires, room, answers])


def wanted(text: str) -> list[Upstream]:
    return [Upstream("backend", 3001, parse(text).servers)]


def test_the_configuration_and_the_probes_of_nginx() -> None:
    # The status of the fifth is lost, but not its body; a redirect and a 404 are answers of a live service.
    answers = "\n".join(["2 302", "4 502", "1 200", "3 404", " 000", "1", "3", "4", "5"])
    text = script_output(render(Upstream("backend", 3001, ("b-1", "b-2")), 4), answers=answers)
    facts = balancer.read("app-nginx-1", text, wanted, sticky=False)
    assert (facts.version, facts.generation, facts.serving, facts.listed) == ("1.30.6", "4", "4", ["b-1", "b-2"])
    assert (facts.probes, facts.answers, facts.failures) == (6, {UNKNOWN: 4}, {"502": 1, "no answer": 1})
    assert (facts.connections, facts.most_connections, facts.full, facts.space) == (30, 8294, 0.25, 16 << 20)
    assert facts.drift == []


def test_nginxs_log_shows_which_replica_answered_a_probe() -> None:
    def line(address: str, status: int = 200, request_id: str = "videa-doctor-0f") -> Line:
        return Line(NOW, status, 0.01, request_id, upstream=f"{address}:80")

    lines = [line("10.0.0.1"), line("10.0.0.1", 404), line("10.0.0.2"), line("10.0.0.2", 499), line("10.0.0.2", 502)]
    others = [line("10.0.0.2", request_id="somebody"), line("10.9.9.9")]
    assert balancer.answered([*lines, *others], "videa-doctor-0f", REPLICAS) == {
        "app-backend-1": 2,
        "app-backend-2": 1,
        UNKNOWN: 1,
    }


def test_a_balancing_method_that_was_changed_by_hand_is_drift() -> None:
    text = render(Upstream("backend", 3001, ("b-1", "b-2")), 4).replace("least_conn;", "ip_hash;", 1)
    facts = balancer.read("app-nginx-1", script_output(text), wanted, sticky=False)
    assert facts.drift == ["- upstream app: least_conn;", "+ upstream app: ip_hash;"]


def test_a_configuration_that_nginx_refuses_or_that_videa_did_not_write() -> None:
    refused = balancer.read(
        "n", script_output("http { nonsense; }", verdict='unknown directive "nonsense"'), wanted, False
    )
    assert not refused.accepted
    assert "nonsense" in refused.refusal
    unnameable = render(Upstream("backend", 3001, ("b-1",)), 4).replace("server b-1:", "server $who:")
    assert "not written by videa" in balancer.read("n", script_output(unnameable), wanted, False).refusal
    foreign = balancer.read("n", script_output("http { }"), wanted, False)
    assert not foreign.accepted
    assert "not written by videa" in foreign.refusal


def test_no_answer_at_all_is_a_failed_probe() -> None:
    facts = balancer.read("n", script_output(render(Upstream("backend", 3001), 1)), wanted, False)
    assert facts.failures == {"no answer": 1}
    assert facts.listed is None


REPLICAS = [replica(1, addresses=["10.0.0.1"]), replica(2, addresses=["10.0.0.2"])]


def requests(*upstreams: str, status: int = 200) -> list[Line]:
    return [Line(NOW, status, 0.01, upstream=upstream) for upstream in upstreams]


def test_user_requests_show_which_replicas_nginx_reaches() -> None:
    lines = requests("10.0.0.1:3001", "10.0.0.9:3001, 10.0.0.2:3001", "10.0.0.1:3001", "")
    assert balancer.served(lines, REPLICAS) == {"app-backend-1": 2, "app-backend-2": 1}


@pytest.mark.parametrize(
    ("lines", "replicas"),
    [
        (requests("10.0.0.1:3001"), REPLICAS),
        ([*requests("10.0.0.1:3001", "10.0.0.2:3001"), *requests("10.0.0.1:3001", status=502)], REPLICAS),
        (requests("10.0.0.1:3001", "10.0.0.2:3001"), [*REPLICAS, replica(3)]),
        (requests("10.0.0.1:3001"), [replica(1, addresses=["10.0.0.1"], state="exited")]),
    ],
    ids=["one gets none", "one failed", "one without an address", "none is running"],
)
def test_user_requests_are_not_sufficient(lines: list[Line], replicas: list[ContainerFacts]) -> None:
    assert balancer.served(lines, replicas) == {}


def test_user_requests_replace_probes_unless_nginx_hangs() -> None:
    configuration = render(Upstream("backend", 3001), 1)
    seen = {"app-backend-1": 5}
    busy = balancer.read("n", script_output(configuration), wanted, False, seen)
    assert (busy.seen, busy.probes) == (seen, 0)
    hanging = balancer.read("n", script_output(configuration, serving=""), wanted, False, seen)
    assert (hanging.seen, hanging.failures) == ({}, {"no answer": 1})
