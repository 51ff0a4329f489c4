"""The live region: what it says, and that every line fits the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ops.events import Kind, VerdictGiven
from ops.views.live import LiveRelease, LiveReplica, Sample
from ops.views.top import Traffic
from videa_cli.live_view import ROWS, picture

LONG = "shop-of-somebody-with-a-long-name-backend"


def sample(replicas: int, worker: bool = False, new: str = "healthy") -> Sample:
    old = [LiveReplica(f"{LONG}-{number}", "3e6a2bae01", "healthy", True, False, 90.0) for number in range(replicas)]
    canary = LiveReplica(f"{LONG}-{replicas}", "5a281c659c", new, new == "healthy", True, 11.0)
    releases = (
        LiveRelease("3e6a2bae01", False, replicas, Traffic(1234.5, 0.034, 0.0), 0.95),
        LiveRelease("5a281c659c", True, 1, Traffic(65.0, 0.041, 0.25), 0.05, 5.0),
    )
    return Sample(LONG, worker, Traffic(1300.0, 0.034, 0.01), releases, (*old, canary))


def shown(sample: Sample, width: int, height: int = 30, verdict: VerdictGiven | None = None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, highlight=False, emoji=False, soft_wrap=True)
    console.print(picture(sample, verdict, width, height), soft_wrap=False)
    return out.getvalue()


@pytest.mark.parametrize("width", [30, 60, 80, 120])
@pytest.mark.parametrize("replicas", [1, 60])
@pytest.mark.parametrize("worker", [False, True])
def test_it_fits_the_terminal(width: int, replicas: int, worker: bool) -> None:
    for height in (10, 30):
        lines = shown(sample(replicas, worker), width, height).splitlines()
        assert 0 < len(lines) <= height
        assert max(map(len, lines)) <= width


def test_it_shows_the_split_with_what_each_release_answers() -> None:
    lines = shown(sample(3), 120, verdict=VerdictGiven(1.0, Kind.PASS, "as good as stable", "")).splitlines()
    assert "1,300 requests/s, p95 34 ms, 1.0% errors · last verdict: pass at 1%" in lines[0]
    assert [line.split()[0] for line in lines[1:3]] == ["stable", "canary"]
    assert "95%" in lines[1]
    assert "5% of 5%" in lines[2]
    assert "25.0% errors" in lines[2]


def test_of_many_replicas_it_shows_those_that_change_and_counts_the_others() -> None:
    text = shown(sample(60, new="starting"), 120)
    assert f"{LONG}-60" in text
    assert "starting  out" in text
    assert f"and {61 - ROWS} more: {61 - ROWS} healthy" in text


def test_a_worker_has_no_requests() -> None:
    assert "/s" not in shown(sample(3, worker=True), 100)
