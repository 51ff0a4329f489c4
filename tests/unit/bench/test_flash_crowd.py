"""What bench.flash_crowd reads from the output of the autoscaler, and its plot."""

from __future__ import annotations

from pathlib import Path

from bench.curve_plot import Curve, draw
from bench.flash_crowd import Watched

LINES = [
    (0.0, "scaling backend with the load; stop with Ctrl-C"),
    (10.0, "! backend: 1 -> 3 replicas; requests: 700/s, 250/s for each"),
    (13.0, "✓ start 2 replicas  2.0 s"),
    (15.0, "✓ update the balancer  0.5 s"),
    (15.5, "✓ check the result  0.5 s"),
    (15.6, "scaled: 1 -> 3 replicas (5.6 s)"),
    (60.0, "! backend: 3 -> 1 replica; requests: 100/s, 250/s for each"),
    (61.0, "✓ update the balancer  0.5 s"),
    (90.0, "! backend: 1 -> 2 replicas; requests: 300/s, 250/s for each"),
]


def test_a_change_is_served_when_the_balancer_has_it() -> None:
    changes = list(Watched(LINES).changes())
    assert [(each["from"], each["to"], each["decided"], each["served"]) for each in changes] == [
        (1, 3, 10.0, 15.0),
        (3, 1, 60.0, 61.0),
    ]
    assert [step.partition("  ")[0] for step in changes[0]["steps"]] == ["start 2 replicas", "update the balancer"]


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    curves = [Curve("replicas & more", [(0.0, 1.0), (5.0, 3.0)], steps=True), Curve("nothing", [])]
    first, second = (draw(tmp_path / f"{number}.svg", curves).read_text() for number in range(2))
    assert first == second
    assert "replicas &amp; more" in first
    assert first.count("<polyline") == 2
