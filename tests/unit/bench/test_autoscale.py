"""The autoscaler over load curves: no flapping, never out of bounds, never fewer for want of samples."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.autoscale import CURVES, RULES, SECONDS, Figures, figures, main, simulate
from ops.autoscale.bounds import CONNECTIONS, Bound
from ops.project.settings import Target
from ops.project.units import Rate, Seconds, Share

TARGETS = {
    "requests": Target(requests=Rate(175.0)),
    "cpu": Target(cpu=Share(0.7)),
    "p95": Target(p95=Seconds(0.1)),
    "all": Target(cpu=Share(0.7), requests=Rate(175.0), p95=Seconds(0.1)),
}
REVERSALS = {"step": 1, "sine": 3, "noise": 1, "flash crowd": 1, "square wave": 1}
"""What the curve itself needs: two hills, for example, are three changes of direction."""


def simulated(curve: str, target: str, lost: float = 0.0) -> Figures:
    rules = replace(RULES, target=TARGETS[target])
    return figures(curve, simulate(CURVES[curve], rules, lost=lost), rules)


@pytest.mark.parametrize("target", ["requests", "cpu", "all"])
@pytest.mark.parametrize("curve", CURVES)
def test_it_follows_the_load_without_flapping(curve: str, target: str) -> None:
    result = simulated(curve, target)
    assert result.reversals <= REVERSALS[curve]
    assert result.least >= RULES.min
    assert result.most <= RULES.max
    assert result.first <= 25
    assert result.under < 0.02


@pytest.mark.parametrize("curve", CURVES)
def test_latency_alone_tries_one_replica_less_at_a_time(curve: str) -> None:
    result = simulated(curve, "p95")
    assert result.reversals <= 2 * SECONDS / RULES.down.stabilization, "one try in each window"
    assert result.most <= RULES.max


@pytest.mark.parametrize("curve", CURVES)
def test_lost_samples_change_no_direction_more_often(curve: str) -> None:
    result = simulated(curve, "requests", lost=0.3)
    assert result.reversals <= REVERSALS[curve]


@pytest.mark.parametrize("curve", CURVES)
def test_without_any_sample_nothing_is_removed(curve: str) -> None:
    numbers = [replicas for _, _, replicas in simulate(CURVES[curve], lost=1.0)]
    assert set(numbers) == {RULES.min}


def test_a_limit_of_the_machine_is_never_exceeded() -> None:
    taken = simulate(CURVES["flash crowd"], machine=[Bound(CONNECTIONS, 5, "", "")])
    assert max(replicas for _, _, replicas in taken) == 5


def test_the_script_prints_a_row_for_each_curve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(CURVES)
