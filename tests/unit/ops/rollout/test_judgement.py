"""Verdicts on a canary: what fails it, what does not, and what is inconclusive."""

from __future__ import annotations

import pytest

from ops.balancer.tally import Latencies, Mix
from ops.events import Kind
from ops.project.settings import Canary
from ops.project.units import Seconds
from ops.rollout.judgement import Fact, Sample, judge, leak, p99_limit

BOUNDS = Canary()
MIB = 1 << 20


def sample(requests: int, failed: int = 0, seconds: float = 0.02, slow: int = 0, slow_seconds: float = 2.0) -> Sample:
    return Sample(failed, Latencies([seconds] * (requests - slow) + [slow_seconds] * slow))


def kind(canary: Sample, stable: Sample, *facts: Fact, early: bool = False) -> Kind:
    return judge(canary, stable, facts, BOUNDS, early).kind


def test_a_canary_as_good_as_stable_passes_with_its_numbers() -> None:
    verdict = judge(sample(1000, failed=1), sample(9000, failed=9), [], BOUNDS)
    assert verdict.kind is Kind.PASS
    assert "canary: 1000 requests, 99.90% ok, p99 20 ms" in verdict.numbers
    assert "stable: 9000 requests" in verdict.numbers


def test_a_stable_release_without_requests_is_not_said_to_be_quick() -> None:
    assert "stable: no requests" in judge(sample(1000), sample(0), [], BOUNDS).numbers


def test_too_few_requests_are_inconclusive() -> None:
    verdict = judge(sample(99), sample(9000), [], BOUNDS)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "99 of 100 requests" in verdict.reason
    assert kind(sample(0), sample(0)) is Kind.INCONCLUSIVE


def test_complaints_of_its_replicas_fail_it_before_there_are_enough_requests() -> None:
    verdict = judge(sample(3), sample(9000), [], BOUNDS, early=True, faults=["app-3 reports: no Redis"])
    assert (verdict.kind, verdict.reason) == (Kind.FAIL, "app-3 reports: no Redis")


def test_too_many_errors_fail_it() -> None:
    assert kind(sample(1000, failed=50), sample(9000)) is Kind.FAIL
    assert "99% is the bound" in judge(sample(1000, failed=50), sample(9000), [], BOUNDS).reason


def test_more_errors_than_stable_fail_it_within_the_bound() -> None:
    verdict = judge(sample(10_000, failed=50), sample(90_000, failed=45), [], BOUNDS)
    assert verdict.kind is Kind.FAIL
    assert "level 0.01" in verdict.reason


def test_a_few_errors_below_the_bound_are_inconclusive() -> None:
    verdict = judge(sample(100, failed=2), sample(2000, failed=20), [], BOUNDS)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "2 failures of 100 requests are too few to tell" in verdict.reason


def test_one_error_in_a_hundred_passes() -> None:
    assert kind(sample(100, failed=1), sample(2000)) is Kind.PASS


def test_the_bound_applies_also_if_stable_is_bad() -> None:
    assert kind(sample(1000, failed=50), sample(9000, failed=450)) is Kind.FAIL


def test_slow_answers_fail_it() -> None:
    assert kind(sample(1000, slow=50), sample(9000)) is Kind.FAIL


def test_slower_than_the_bound_but_as_fast_as_stable_passes() -> None:
    assert kind(sample(1000, seconds=0.6), sample(9000, seconds=0.6)) is Kind.PASS


def test_a_few_slow_answers_are_inconclusive() -> None:
    assert kind(sample(120, slow=3), sample(2000)) is Kind.INCONCLUSIVE


def test_the_limit_of_p99_depends_on_the_bound_and_on_stable() -> None:
    assert p99_limit(sample(1000, seconds=0.1), BOUNDS) == 0.5
    assert p99_limit(sample(1000, seconds=1.0), BOUNDS) == 1.5
    assert p99_limit(sample(10, seconds=1.0), BOUNDS) == 0.5


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (Fact("app-4", running=False, exit_code=3), "exit code 3"),
        (Fact("app-4", running=False, oom_killed=True), "lack of memory"),
        (Fact("app-4", running=True, restarts=1), "restarted 1 time"),
    ],
)
def test_an_exited_replica_fails_it_at_once(fact: Fact, words: str) -> None:
    verdict = judge(sample(0), sample(0), [fact], BOUNDS, early=True)
    assert verdict.kind is Kind.FAIL
    assert words in verdict.reason


def test_a_leak_fails_it_before_the_memory_is_full() -> None:
    memory = tuple((float(second), (100 + 5 * second) * MIB) for second in range(12))
    leaking = Fact("app-4", running=True, memory=memory, limit=256 * MIB)
    assert kind(sample(1000), sample(9000), leaking, early=True) is Kind.FAIL


@pytest.mark.parametrize(
    "memory",
    [
        tuple((float(second), (40 + 5 * second) * MIB) for second in range(12)),
        tuple((float(second), 200 * MIB) for second in range(12)),
        tuple((float(second), (150 + 30 * (second % 2)) * MIB) for second in range(12)),
        tuple((float(second), (140 + 5 * second) * MIB) for second in range(3)),
    ],
    ids=["warming up", "constant", "alternating", "too few samples"],
)
def test_memory_without_a_leak_does_not_fail_it(memory: tuple[tuple[float, int], ...]) -> None:
    assert kind(sample(1000), sample(9000), Fact("app-4", running=True, memory=memory, limit=256 * MIB)) is Kind.PASS


def test_an_early_test_fails_only_a_clearly_bad_canary() -> None:
    assert kind(sample(200, failed=9), sample(2000, failed=60), early=True) is not Kind.FAIL
    assert kind(sample(200, failed=9), sample(2000, failed=60)) is Kind.FAIL
    assert kind(sample(200, failed=20), sample(2000), early=True) is Kind.FAIL


def test_a_bound_of_a_hundred_percent_allows_no_error() -> None:
    strict = Canary(min_success_rate=100, max_p99=Seconds(1))
    assert judge(sample(1000, failed=1), sample(9000), [], strict).kind is Kind.FAIL
    assert judge(sample(1000, failed=1), sample(9000), [], strict, early=True).kind is Kind.FAIL


def test_requests_that_take_longer_than_the_window_are_slow() -> None:
    hanging = Sample(0, Latencies([0.02] * 950), waiting=[8.0] * 50)
    verdict = judge(hanging, sample(9000), [], BOUNDS)
    assert verdict.kind is Kind.FAIL
    assert "50 requests have no answer after 500 ms: 50 of 1000 requests are slower" in verdict.reason


def test_a_canary_without_answers_is_judged_by_its_waiting_requests() -> None:
    assert kind(Sample(0, Latencies([]), waiting=[8.0] * 150), sample(9000), early=True) is Kind.FAIL
    assert kind(Sample(0, Latencies([]), waiting=[8.0] * 20), sample(9000)) is Kind.INCONCLUSIVE


def test_requests_that_have_just_started_are_not_slow() -> None:
    assert kind(Sample(0, Latencies([0.02] * 1000), waiting=[0.3] * 500), sample(9000)) is Kind.PASS


@pytest.mark.parametrize(("requests", "slow"), [(100, 1), (101, 1), (199, 1), (200, 2), (1000, 10), (1001, 10)])
def test_at_most_one_in_a_hundred_may_be_slow(requests: int, slow: int) -> None:
    assert sample(requests, slow=slow).p99 <= 0.5 < sample(requests, slow=slow + 1).p99
    assert kind(sample(requests, slow=slow), sample(9000)) is Kind.PASS
    assert kind(sample(requests, slow=slow + 1), sample(9000)) is not Kind.PASS


MEMORY = {
    "fills a cache and stops": [150 + 5 * min(second, 10) for second in range(30)],
    "levels off": [230 - 100 * 0.85**second for second in range(40)],
    "grows ever more slowly": [130 + 25 * second**0.35 for second in range(60)],
    "fills a cache and then grows slowly": [100 + 5 * second for second in range(20)]
    + [196 + second for second in range(10)],
    "jumps once": [150] * 15 + [220] * 15,
    "falls": [230 - second for second in range(30)],
}


@pytest.mark.parametrize("mebibytes", MEMORY.values(), ids=MEMORY.keys())
def test_memory_that_levels_off_is_no_leak(mebibytes: list[float]) -> None:
    memory = tuple((float(second), int(used * MIB)) for second, used in enumerate(mebibytes))
    assert not leak(Fact("app-4", running=True, memory=memory, limit=256 * MIB))


@pytest.mark.parametrize("growth", [1.5, 5.0])
def test_memory_that_grows_to_the_end_is_a_leak_also_if_uneven(growth: float) -> None:
    memory = tuple((float(second), int((140 + growth * second + (second % 3)) * MIB)) for second in range(20))
    assert "leaks memory" in leak(Fact("app-4", running=True, memory=memory, limit=256 * MIB))


def test_answers_of_a_cold_replica_are_judged_for_errors_but_not_for_latency() -> None:
    good = Sample(0, Latencies([0.02] * 500), cold=60)
    assert judge(good, sample(9000), [], BOUNDS).kind is Kind.PASS
    assert "60 while warming up" in str(good)
    assert judge(Sample(60, Latencies([0.02] * 500), cold=60), sample(9000), [], BOUNDS).kind is Kind.FAIL


def test_too_few_answers_after_the_warm_up_are_inconclusive() -> None:
    verdict = judge(Sample(0, Latencies([0.02] * 50), cold=60), sample(9000), [], BOUNDS)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "50 of 100 requests since it has warmed up" in verdict.reason


def answers(**classes: int) -> Mix:
    """A mix by status class, for example c2=90, c4=10."""
    mix = Mix()
    mix.classes.update({int(name[1:]): count for name, count in classes.items()})
    return mix


def test_a_canary_that_answers_404_to_everything_fails() -> None:
    stable = Sample(0, Latencies([0.02] * 1900), routes={"GET /": answers(c2=1880, c4=20)})
    missing = Sample(0, Latencies([0.01] * 100), routes={"GET /": answers(c4=100)})
    verdict = judge(missing, stable, [], BOUNDS, early=True)
    assert verdict.kind is Kind.FAIL
    assert "client errors (4xx): 100.00% of its answers, 1.05% of stable's" in verdict.reason


def answered(count: int, **classes: int) -> Sample:
    """A sample with a mix of answers, for example c2=90, c4=10."""
    mix = Mix()
    mix.classes.update({int(name[1:]): number for name, number in classes.items()})
    return Sample(0, Latencies([0.02] * count), routes={"GET /": mix})


def test_only_client_errors_without_stable_are_inconclusive() -> None:
    for canary in (answered(1000, c4=1000), answered(1000, c4=990, c2=10)):
        verdict = judge(canary, sample(0), [], BOUNDS)
        assert verdict.kind is Kind.INCONCLUSIVE
        assert "client errors (4xx), and stable has none to compare with" in verdict.reason


@pytest.mark.parametrize(
    ("stable", "verdict"),
    [
        (answered(1, c2=1), Kind.INCONCLUSIVE),
        (answered(20, c2=20), Kind.FAIL),
        (answered(20, c4=20), Kind.PASS),
    ],
)
def test_only_client_errors_pass_only_if_stable_has_enough_requests_to_tell(stable: Sample, verdict: Kind) -> None:
    assert judge(answered(1000, c4=1000), stable, [], BOUNDS).kind is verdict


def test_client_errors_pass_at_the_last_share_if_stable_had_them_too() -> None:
    assert judge(answered(1000, c4=1000), sample(0), [], BOUNDS, compared=True).kind is Kind.PASS
    assert judge(answered(1000, c4=1000), answered(9000, c4=9000), [], BOUNDS).kind is Kind.PASS


@pytest.mark.parametrize("mix", [{"c2": 1000}, {"c3": 1000}, {"c2": 200, "c4": 800}])
def test_other_answers_without_stable_are_judged_by_the_bounds(mix: dict[str, int]) -> None:
    assert judge(answered(1000, **mix), sample(0), [], BOUNDS).kind is Kind.PASS
