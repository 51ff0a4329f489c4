"""Verdicts on a canary: what fails it, what does not, and what cannot be told."""

from __future__ import annotations

import pytest

from ops.balancer.tally import Latencies, Mix
from ops.events import Kind
from ops.project.settings import Canary, Seconds
from ops.rollout.judgement import Fact, Sample, judge, leak, p99_limit

BOUNDS = Canary()
MIB = 1 << 20


def side(requests: int, failed: int = 0, seconds: float = 0.02, slow: int = 0, slow_seconds: float = 2.0) -> Sample:
    return Sample(failed, Latencies([seconds] * (requests - slow) + [slow_seconds] * slow))


def kind(canary: Sample, stable: Sample, *facts: Fact, early: bool = False) -> Kind:
    return judge(canary, stable, facts, BOUNDS, early).kind


def test_as_good_as_stable_passes_and_prints_its_numbers() -> None:
    verdict = judge(side(1000, failed=1), side(9000, failed=9), [], BOUNDS)
    assert verdict.kind is Kind.PASS
    assert "canary: 1000 requests, 99.90% ok, p99 20 ms" in verdict.numbers
    assert "stable: 9000 requests" in verdict.numbers


def test_silence_is_not_success() -> None:
    verdict = judge(side(99), side(9000), [], BOUNDS)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "99 of 100 requests" in verdict.reason
    assert kind(side(0), side(0)) is Kind.INCONCLUSIVE


def test_what_its_own_replicas_say_fails_it_before_there_are_enough_requests() -> None:
    verdict = judge(side(3), side(9000), [], BOUNDS, early=True, faults=["app-3 reports: no Redis"])
    assert (verdict.kind, verdict.reason) == (Kind.FAIL, "app-3 reports: no Redis")


def test_too_many_errors_fail_it() -> None:
    assert kind(side(1000, failed=50), side(9000)) is Kind.FAIL
    assert "99% is the bound" in judge(side(1000, failed=50), side(9000), [], BOUNDS).reason


def test_within_its_bound_but_worse_than_stable_fails_it_with_the_level_in_words() -> None:
    verdict = judge(side(10_000, failed=50), side(90_000, failed=45), [], BOUNDS)
    assert verdict.kind is Kind.FAIL
    assert "level 0.01" in verdict.reason


def test_below_the_bound_by_a_few_errors_cannot_be_told_and_is_no_pass() -> None:
    verdict = judge(side(100, failed=2), side(2000, failed=20), [], BOUNDS)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "2 failures of 100 requests are too few to tell" in verdict.reason


def test_one_error_of_a_hundred_is_no_disaster() -> None:
    assert kind(side(100, failed=1), side(2000)) is Kind.PASS


def test_stable_being_bad_too_is_no_excuse_for_the_bound() -> None:
    assert kind(side(1000, failed=50), side(9000, failed=450)) is Kind.FAIL


def test_slow_answers_fail_it() -> None:
    assert kind(side(1000, slow=50), side(9000)) is Kind.FAIL


def test_slower_than_the_bound_but_no_slower_than_stable_passes() -> None:
    assert kind(side(1000, seconds=0.6), side(9000, seconds=0.6)) is Kind.PASS


def test_a_few_slow_answers_of_a_few_cannot_be_told() -> None:
    assert kind(side(120, slow=3), side(2000)) is Kind.INCONCLUSIVE


def test_the_limit_of_p99_is_the_bound_or_what_stable_takes() -> None:
    assert p99_limit(side(1000, seconds=0.1), BOUNDS) == 0.5
    assert p99_limit(side(1000, seconds=1.0), BOUNDS) == 1.5
    assert p99_limit(side(10, seconds=1.0), BOUNDS) == 0.5


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (Fact("app-4", running=False, exit_code=3), "exit code 3"),
        (Fact("app-4", running=False, oom_killed=True), "lack of memory"),
        (Fact("app-4", running=True, restarts=1), "restarted 1 time"),
    ],
)
def test_an_ended_replica_fails_it_at_once(fact: Fact, words: str) -> None:
    verdict = judge(side(0), side(0), [fact], BOUNDS, early=True)
    assert verdict.kind is Kind.FAIL
    assert words in verdict.reason


def test_a_leak_fails_it_before_the_memory_is_full() -> None:
    memory = tuple((float(second), (100 + 5 * second) * MIB) for second in range(12))
    leaking = Fact("app-4", running=True, memory=memory, limit=256 * MIB)
    assert kind(side(1000), side(9000), leaking, early=True) is Kind.FAIL


@pytest.mark.parametrize(
    "memory",
    [
        tuple((float(second), (40 + 5 * second) * MIB) for second in range(12)),
        tuple((float(second), 200 * MIB) for second in range(12)),
        tuple((float(second), (150 + 30 * (second % 2)) * MIB) for second in range(12)),
        tuple((float(second), (140 + 5 * second) * MIB) for second in range(3)),
    ],
    ids=["warming up", "level", "to and fro", "too short to tell"],
)
def test_what_is_no_leak_does_not_fail_it(memory: tuple[tuple[float, int], ...]) -> None:
    assert kind(side(1000), side(9000), Fact("app-4", running=True, memory=memory, limit=256 * MIB)) is Kind.PASS


def test_before_its_time_is_up_only_what_is_beyond_doubt_fails_it() -> None:
    assert kind(side(200, failed=9), side(2000, failed=60), early=True) is not Kind.FAIL
    assert kind(side(200, failed=9), side(2000, failed=60)) is Kind.FAIL
    assert kind(side(200, failed=20), side(2000), early=True) is Kind.FAIL


def test_a_bound_of_a_hundred_percent_allows_no_error() -> None:
    strict = Canary(min_success_rate=100, max_p99=Seconds(1))
    assert judge(side(1000, failed=1), side(9000), [], strict).kind is Kind.FAIL
    assert judge(side(1000, failed=1), side(9000), [], strict, early=True).kind is Kind.FAIL


def test_answers_that_take_longer_than_the_window_are_slow_all_the_same() -> None:
    hanging = Sample(0, Latencies([0.02] * 950), waiting=[8.0] * 50)
    verdict = judge(hanging, side(9000), [], BOUNDS)
    assert verdict.kind is Kind.FAIL
    assert "50 requests have no answer after 500 ms: 50 of 1000 requests are slower" in verdict.reason


def test_a_canary_that_answers_nothing_is_judged_by_what_waits() -> None:
    assert kind(Sample(0, Latencies([]), waiting=[8.0] * 150), side(9000), early=True) is Kind.FAIL
    assert kind(Sample(0, Latencies([]), waiting=[8.0] * 20), side(9000)) is Kind.INCONCLUSIVE


def test_requests_that_have_just_begun_are_not_slow() -> None:
    assert kind(Sample(0, Latencies([0.02] * 1000), waiting=[0.3] * 500), side(9000)) is Kind.PASS


@pytest.mark.parametrize(("requests", "slow"), [(100, 1), (101, 1), (199, 1), (200, 2), (1000, 10), (1001, 10)])
def test_one_in_a_hundred_may_be_slow_and_not_one_more(requests: int, slow: int) -> None:
    assert side(requests, slow=slow).p99 <= 0.5 < side(requests, slow=slow + 1).p99
    assert kind(side(requests, slow=slow), side(9000)) is Kind.PASS
    assert kind(side(requests, slow=slow + 1), side(9000)) is not Kind.PASS


MEMORY = {
    "fills a cache and stops": [150 + 5 * min(second, 10) for second in range(30)],
    "levels off": [230 - 100 * 0.85**second for second in range(40)],
    "grows ever more slowly": [130 + 25 * second**0.35 for second in range(60)],
    "jumps once": [150] * 15 + [220] * 15,
    "falls": [230 - second for second in range(30)],
}


@pytest.mark.parametrize("mebibytes", MEMORY.values(), ids=MEMORY.keys())
def test_memory_that_levels_off_is_no_leak(mebibytes: list[float]) -> None:
    memory = tuple((float(second), int(used * MIB)) for second, used in enumerate(mebibytes))
    assert not leak(Fact("app-4", running=True, memory=memory, limit=256 * MIB))


@pytest.mark.parametrize("growth", [1.5, 5.0])
def test_memory_that_grows_to_the_end_is_one_also_when_it_is_not_even(growth: float) -> None:
    memory = tuple((float(second), int((140 + growth * second + (second % 3)) * MIB)) for second in range(20))
    assert "leaks memory" in leak(Fact("app-4", running=True, memory=memory, limit=256 * MIB))


def test_answers_of_a_cold_replica_are_not_judged_for_their_time_but_for_their_errors() -> None:
    good = Sample(0, Latencies([0.02] * 500), cold=60)
    assert judge(good, side(9000), [], BOUNDS).kind is Kind.PASS
    assert "60 while warming up" in str(good)
    assert judge(Sample(60, Latencies([0.02] * 500), cold=60), side(9000), [], BOUNDS).kind is Kind.FAIL


def test_too_few_answers_since_it_has_warmed_up_are_no_pass() -> None:
    verdict = judge(Sample(0, Latencies([0.02] * 50), cold=60), side(9000), [], BOUNDS)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "50 of 100 requests since it has warmed up" in verdict.reason


def answers(**classes: int) -> Mix:
    """A mix such as c2=90, c4=10."""
    mix = Mix()
    mix.classes.update({int(name[1:]): count for name, count in classes.items()})
    return mix


def test_a_canary_that_answers_404_to_everything_fails_though_it_is_quick_and_fails_nothing() -> None:
    stable = Sample(0, Latencies([0.02] * 1900), routes={"GET /": answers(c2=1880, c4=20)})
    missing = Sample(0, Latencies([0.01] * 100), routes={"GET /": answers(c4=100)})
    verdict = judge(missing, stable, [], BOUNDS, early=True)
    assert verdict.kind is Kind.FAIL
    assert "client errors (4xx): 100.00% of its answers, 1.05% of stable's" in verdict.reason


def answered(count: int, **classes: int) -> Sample:
    """A sample with such a mix of answers: c2=90, c4=10."""
    mix = Mix()
    mix.classes.update({int(name[1:]): number for name, number in classes.items()})
    return Sample(0, Latencies([0.02] * count), routes={"GET /": mix})


def test_refusing_everything_is_no_pass_when_there_is_no_stable_to_compare_with() -> None:
    for canary in (answered(1000, c4=1000), answered(1000, c4=990, c2=10)):
        verdict = judge(canary, side(0), [], BOUNDS)
        assert verdict.kind is Kind.INCONCLUSIVE
        assert "client errors (4xx), and stable has none to compare with" in verdict.reason


def test_a_service_that_refuses_as_stable_did_passes_its_last_share() -> None:
    assert judge(answered(1000, c4=1000), side(0), [], BOUNDS, compared=True).kind is Kind.PASS
    assert judge(answered(1000, c4=1000), answered(9000, c4=9000), [], BOUNDS).kind is Kind.PASS


@pytest.mark.parametrize("mix", [{"c2": 1000}, {"c3": 1000}, {"c2": 200, "c4": 800}])
def test_other_answers_without_stable_are_judged_by_their_bounds(mix: dict[str, int]) -> None:
    assert judge(answered(1000, **mix), side(0), [], BOUNDS).kind is Kind.PASS
