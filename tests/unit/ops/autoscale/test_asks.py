"""How many replicas each metric asks for, with the cases of Kubernetes' documentation and of its calculator."""

from __future__ import annotations

import pytest

from ops.autoscale.asks import asks
from ops.autoscale.samples import Observed, Samples
from ops.project.settings import Autoscale, Target
from ops.project.units import Rate, Seconds, Share


def of_cpu(*values: float | None, unready: int = 0) -> int | None:
    """What the CPU of replicas asks for, with a target of 50%."""
    replicas = [Observed(f"app-{number}", cpu=value) for number, value in enumerate(values, 1)]
    replicas += [Observed(f"new-{number}", ready=False, cpu=1.0) for number in range(unready)]
    rules = Autoscale(max=100, target=Target(cpu=Share(0.5)))
    return asks(Samples(0.0, tuple(replicas)), rules)[0].replicas


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((1.0,), 2),  # twice the target: twice the replicas
        ((0.25, 0.25), 1),  # half of the target: half of the replicas
        ((0.5, 0.5), 2),
        ((0.55, 0.55), 2),  # within the tolerance of 10%
        ((0.56, 0.56), 3),
        ((0.45, 0.45), 2),
        ((0.6, 0.6, 0.6), 4),  # 3.6, rounded up
        ((0.5 / 3 * 2,) * 3, 2),  # exactly two, without an error of division
        ((0.0, 0.0), 0),
    ],
)
def test_cpu_asks_for_replicas_in_proportion(values: tuple[float, ...], wanted: int) -> None:
    assert of_cpu(*values) == wanted


def test_replicas_without_a_sample_count_as_idle_when_it_would_grow() -> None:
    assert of_cpu(1.0, 1.0, 1.0) == 6
    assert of_cpu(1.0, 1.0, None) == 4
    assert of_cpu(0.7, 0.7, None) == 3, "with the third at 0%, the mean is below the target: no other direction"


def test_replicas_without_a_sample_count_as_busy_when_it_would_shrink() -> None:
    assert of_cpu(0.1, 0.1, 0.1, 0.1) == 1
    assert of_cpu(0.1, 0.1, None, None) == 3, "two at 10% and two at their target of 50%"


def test_replicas_that_are_not_ready_count_as_idle_when_it_would_grow_and_not_otherwise() -> None:
    assert of_cpu(1.0, 1.0, unready=2) == 4, "the same as now: the new ones will take half of it"
    assert of_cpu(1.0, 1.0, unready=1) == 4
    assert of_cpu(0.1, 0.1, unready=2) == 1


def test_without_any_sample_it_is_unknown() -> None:
    assert of_cpu(None, None) is None
    assert of_cpu(unready=2) is None


def of_traffic(target: Target, requests: float | None = None, p95: float | None = None, now: int = 2) -> int | None:
    replicas = tuple(Observed(f"app-{number}") for number in range(now))
    return asks(Samples(0.0, replicas, requests, p95), Autoscale(max=100, target=target))[0].replicas


@pytest.mark.parametrize(
    ("requests", "wanted"), [(400.0, 2), (430.0, 2), (450.0, 3), (1500.0, 8), (100.0, 1), (0.0, 0), (None, None)]
)
def test_requests_ask_for_enough_replicas_in_total(requests: float | None, wanted: int | None) -> None:
    assert of_traffic(Target(requests=Rate(200.0)), requests=requests) == wanted


@pytest.mark.parametrize(("p95", "wanted"), [(0.3, 2), (0.6, 4), (0.9, 6), (0.01, 0), (0.0, 0), (None, None)])
def test_a_slow_p95_asks_for_more_and_a_fast_one_for_nothing(p95: float | None, wanted: int | None) -> None:
    assert of_traffic(Target(p95=Seconds(0.3)), p95=p95) == wanted


def of_pool(target: int, *waiting: float | None) -> int | None:
    replicas = tuple(Observed(f"app-{number}", pool_waiting=each) for number, each in enumerate(waiting))
    return asks(Samples(0.0, replicas), Autoscale(max=100, target=Target(pool_waiting=target)))[0].replicas


def test_requests_that_wait_for_a_connection_ask_for_one_more_or_in_proportion() -> None:
    assert of_pool(0, 0, 3) == 3
    assert of_pool(0, 0, 0) == 0
    assert of_pool(2, 8, 8) == 8
    assert of_pool(2, 1, 1) == 0
    assert of_pool(0, None, None) is None
    assert of_pool(0, 0, None) is None, "the other one may have some that wait"
    assert of_pool(0, 5, None) == 3
