"""Decisions: which number, and which limit has changed it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ops.autoscale.bounds import CONNECTIONS, CORES, Bound, Bounds
from ops.autoscale.decide import LEAST, MISSING, MOST, POLICY, WINDOW, Decision, decide
from ops.autoscale.explain import reason, rows
from ops.autoscale.past import Past
from ops.autoscale.samples import Observed, Samples
from ops.project.policy import Policy
from ops.project.settings import Autoscale, ScaleDown, ScaleUp, Select, Target
from ops.project.units import Rate, Seconds, Share

NOW = 1000.0
AT_ONCE = ScaleDown(stabilization=Seconds(0))
REQUESTS = Target(requests=Rate(100.0))
RULES = Autoscale(min=2, max=20, target=REQUESTS, down=AT_ONCE)
FREE = Bounds(2, 20)


def decided(
    requests: float | None, now: int = 4, bounds: Bounds = FREE, rules: Autoscale = RULES, past: Past | None = None
) -> Decision:
    replicas = tuple(Observed(f"app-{number}") for number in range(now))
    return decide(Samples(NOW, replicas, requests), bounds, rules, past or Past().known(NOW, now))


def limits(decision: Decision) -> list[str]:
    return [limit.name for limit in decision.limits]


def test_the_load_decides() -> None:
    assert (decided(600.0).desired, decided(400.0).desired, decided(250.0).desired) == (6, 4, 3)
    assert not decided(600.0).limits


def test_the_largest_of_several_metrics_counts() -> None:
    rules = Autoscale(min=1, max=20, target=Target(cpu=Share(0.5), requests=Rate(100.0)))
    samples = Samples(NOW, (Observed("a", cpu=1.0), Observed("b", cpu=1.0)), requests=100.0)
    assert decide(samples, Bounds(1, 20), rules, Past()).desired == 4


def test_a_metric_that_is_missing_never_scales_down_but_others_scale_up() -> None:
    rules = Autoscale(min=1, max=20, target=Target(cpu=Share(0.5), requests=Rate(100.0)), down=AT_ONCE)
    idle, busy = (tuple(Observed(str(number), cpu=cpu) for number in range(4)) for cpu in (0.1, 1.0))
    fewer = decide(Samples(NOW, idle, None), Bounds(1, 20), rules, Past())
    assert (fewer.desired, limits(fewer)) == (4, [MISSING])
    assert decide(Samples(NOW, busy, None), Bounds(1, 20), rules, Past()).desired == 8
    assert decided(None).desired == 4


def test_metrics_without_a_proportion_take_one_replica_at_a_time() -> None:
    rules = Autoscale(min=1, max=20, target=Target(p95=Seconds(0.3)), down=AT_ONCE)
    samples = Samples(NOW, tuple(Observed(str(number)) for number in range(6)), p95=0.01)
    assert decide(samples, Bounds(1, 20), rules, Past()).desired == 5
    both = Autoscale(min=1, max=20, target=Target(p95=Seconds(0.3), requests=Rate(100.0)), down=AT_ONCE)
    samples = Samples(NOW, samples.replicas, requests=100.0, p95=0.01)
    assert decide(samples, Bounds(1, 20), both, Past()).desired == 1


def test_it_falls_to_the_largest_number_of_the_window() -> None:
    rules = Autoscale(min=2, max=20, target=REQUESTS, down=ScaleDown(stabilization=Seconds(60)))
    past = Past(((NOW - 59, 3), (NOW - 5, 2)))
    decision = decided(100.0, rules=rules, past=past)
    assert (decision.asked, decision.desired, limits(decision)) == (1, 3, [WINDOW])
    assert decided(100.0, rules=rules, past=Past(((NOW - 61, 3), (NOW - 5, 2)))).desired == 2


def test_it_rises_to_the_smallest_number_of_the_window() -> None:
    rules = Autoscale(min=2, max=20, target=REQUESTS, up=ScaleUp(stabilization=Seconds(30)))
    assert decided(800.0, rules=rules, past=Past(((NOW - 10, 5),))).desired == 5
    assert decided(800.0, rules=rules, past=Past(((NOW - 10, 3),))).desired == 4
    assert decided(800.0, rules=rules, past=Past(((NOW - 31, 5), (NOW - 1, 9)))).desired == 8


def test_policies_limit_the_change_in_a_period() -> None:
    decision = decided(5000.0, now=2)
    assert (decision.desired, limits(decision)) == (6, [POLICY]), "four more, which is more than 100%"
    assert decided(5000.0, now=8).desired == 16
    just = Past(changes=((NOW - 10, 4),)).known(NOW, 6)
    assert decided(5000.0, now=6, past=just).desired == 6, "the four of this period are there already"
    slow = ScaleUp(policies=(Policy("100%/15s"), Policy("1/15s")), select=Select.MIN)
    assert decided(5000.0, rules=Autoscale(min=2, max=20, target=REQUESTS, up=slow)).desired == 5
    never = ScaleUp(select=Select.DISABLED)
    assert decided(5000.0, rules=Autoscale(min=2, max=20, target=REQUESTS, up=never)).desired == 4
    slow_down = ScaleDown(stabilization=Seconds(0), policies=(Policy("1/60s"),))
    fewer = decided(0.0, now=8, rules=Autoscale(min=2, max=20, target=REQUESTS, down=slow_down))
    assert (fewer.desired, limits(fewer)) == (7, [POLICY])


def test_it_stays_between_min_and_max() -> None:
    assert (decided(0.0).desired, limits(decided(0.0))) == (2, [LEAST])
    assert (decided(2000.0, now=14).desired, decided(3000.0, now=14).desired) == (20, 20)
    assert limits(decided(3000.0, now=14))[-1] == MOST
    assert decided(None, now=30).desired == 20
    assert decided(None, now=1).desired == 2


def test_it_never_rises_beyond_the_machine_and_names_what_stopped_it() -> None:
    machine = (Bound(CONNECTIONS, 5, "PostgreSQL accepts 25", "raise it"), Bound(CORES, 8, "8 cores", "more"))
    decision = decided(800.0, bounds=Bounds(2, 20, machine))
    assert (decision.desired, limits(decision)) == (5, [CONNECTIONS])
    assert "connections: PostgreSQL accepts 25, so 5 instead of 8" in reason(decision)
    assert decided(800.0, now=7, bounds=Bounds(2, 20, machine)).desired == 7, "what serves is not removed"
    assert decided(100.0, now=1, bounds=Bounds(2, 20, (Bound(CORES, 1, "", ""),))).desired == 1


def test_a_service_that_was_scaled_to_0_stays_there() -> None:
    assert decided(900.0, now=0).desired == 0


def test_a_reason_has_the_figures() -> None:
    assert reason(decided(812.0)) == "requests 203/s of 100/s asks for 9; policy: " + (
        "x-videa.autoscale.up.policies allow 100%/15s, 4/15s, so 8 instead of 9"
    )
    (row,) = rows(decided(400.0), 0.1)
    assert (row.value, row.target, row.asks_for, row.more, row.fewer) == (
        *("100/s", "100/s", "4"),
        *("above 110/s", "below 75.0/s"),
    )


replicas = st.lists(
    st.builds(
        Observed,
        st.just("app"),
        st.booleans(),
        st.none() | st.floats(0, 4),
        st.none() | st.floats(0, 50),
    ),
    max_size=40,
)
numbers = st.tuples(st.floats(NOW - 400, NOW), st.integers(0, 60))
policies = st.lists(st.sampled_from(["1/15s", "4/15s", "100%/15s", "10%/60s"]).map(Policy), min_size=1).map(tuple)


@given(
    st.builds(
        Samples,
        st.just(NOW),
        replicas.map(tuple),
        st.none() | st.floats(0, 1e5),
        st.none() | st.floats(0, 60),
    ),
    st.tuples(st.integers(1, 30), st.integers(1, 30), st.none() | st.integers(0, 30)),
    st.builds(
        Target,
        st.none() | st.just(Share(0.7)),
        st.none() | st.just(Rate(50.0)),
        st.none() | st.just(Seconds(0.2)),
        st.none() | st.integers(0, 3),
    ),
    st.builds(ScaleUp, st.sampled_from([0, 60]).map(Seconds), policies, st.sampled_from(Select)),
    st.builds(ScaleDown, st.sampled_from([0, 300]).map(Seconds), policies, st.sampled_from(Select)),
    st.builds(
        Past, st.lists(numbers).map(sorted).map(tuple), st.lists(st.tuples(st.just(NOW - 5), st.integers(-9, 9)))
    ),
)
def test_no_sample_leads_out_of_the_bounds(
    samples: Samples,
    bounds: tuple[int, int, int | None],
    target: Target,
    up: ScaleUp,
    down: ScaleDown,
    past: Past,
) -> None:
    least, most = sorted(bounds[:2])
    machine = () if bounds[2] is None else (Bound(CORES, bounds[2], "", ""),)
    rules = Autoscale(min=least, max=most, target=target, up=up, down=down)
    decision = decide(samples, Bounds(least, most, machine), rules, past)
    now, desired = samples.now, decision.desired
    if now == 0:
        assert desired == 0
        return
    assert desired <= max(most, 0)
    assert desired >= min(now, least), "it never falls below min"
    if bounds[2] is not None and now <= most:
        assert desired <= max(now, bounds[2])
    unknown = any(ask.replicas is None for ask in decision.asks)
    if unknown and now <= most:
        assert desired >= now
