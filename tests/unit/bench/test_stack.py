"""The arithmetic of bench.stack."""

from __future__ import annotations

from collections import defaultdict

from bench.cpu_accounts import LOGGING, REST, Reading, passive_opens
from bench.stack import per_request, summary


def reading(busy: float, client: float, **components: float) -> Reading:
    return Reading(defaultdict(float, components), busy, client)


def test_the_rest_is_what_neither_a_component_nor_the_client_has_used() -> None:
    before, after = reading(10, 1, nginx=2, redis=1), reading(20, 4, nginx=4, redis=1.5)
    assert after.since(before) == {"nginx": 2, "redis": 0.5, REST: 4.5}


def test_a_request_costs_what_was_used_above_idle() -> None:
    spent = {"nginx": 0.3, "backend": 0.5, LOGGING: 0.2, REST: 0.7, "agent": 0.1}
    costs = per_request(spent, {"nginx": 0.02, REST: 0.1}, seconds=5, requests=1000)
    assert (costs["balancer"], costs["replicas"], costs[LOGGING]) == (200, 500, 200)
    assert (costs["whole"], costs[REST]) == (900, 300)


def test_a_round_without_an_answer_is_no_crash() -> None:
    assert per_request({"nginx": 0.1}, {}, seconds=1, requests=0)["balancer"] == 100_000


def test_the_middle_of_the_rounds_with_all_failures() -> None:
    rounds = [{"most": most, "microseconds": {"whole": most / 10}, "failed": 1} for most in (10, 40, 20)]
    assert summary(rounds) == {"most": 20, "microseconds": {"whole": 2}, "failed": 3}


def test_accepted_connections_are_read_from_the_kernels_table() -> None:
    text = "Ip: Forwarding\nIp: 1\nTcp: ActiveOpens PassiveOpens\nTcp: 3 42\n"
    assert passive_opens(text) == 42
