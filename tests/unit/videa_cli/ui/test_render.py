"""The fragments of the page, with few and with many replicas."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec.structs import replace

from ops.autoscale.state import Made, ServiceState
from ops.autoscale.view import Recorded
from ops.balancer.tally import Latencies
from ops.events import Kind, StepEnded, StepStarted, UnderWay, VerdictGiven
from ops.rollout.entries import Header, JournalState, StepEntry
from ops.rollout.history import Entry
from ops.rollout.request import Request, Strategy
from ops.steps import Judge, Start, Target, Wait
from ops.views.board import Board
from tests.unit.videa_cli.ui.boards import NOW, board, row, service
from videa_cli.ui import server
from videa_cli.ui.pictures import GAP, SAMPLES, Trends, comparison, split_parts, staircase
from videa_cli.ui.progress import progress_of
from videa_cli.ui.render import Renderer

TEMPLATES = Path(server.__file__).parent / "templates"


def renderer(read_only: bool = False) -> Renderer:
    loader = FileSystemLoader(TEMPLATES)
    return Renderer(Environment(loader=loader, autoescape=True, undefined=StrictUndefined), read_only)


@pytest.mark.parametrize("replicas", [5, 200])
def test_every_replica_has_a_row_with_its_figures(replicas: int) -> None:
    html = renderer().overview(board(replicas))
    assert html.count("<tr data-key=") == replicas
    assert f"{replicas - 1} of {replicas} healthy" in html
    for figure in ("shop-web-1", "3f2a91c0de", "unhealthy", "5% intended", "canary", "2.0%", "2h 1m"):
        assert figure in html
    assert " style=" not in html
    assert len(html) < 2000 * (replicas + 5)


def test_the_nodes_of_a_swarm_have_a_column() -> None:
    sample = Board(NOW, [service([row(1, node="east"), row(2, node="west")])])
    html = renderer().overview(sample)
    assert html.count('data-label="Node"') == 2
    assert ">west</td>" in html
    assert "Node" not in renderer().overview(board(5))


def test_read_only_has_no_buttons() -> None:
    shown = renderer(read_only=True)
    texts = [
        shown.overview(board(5)),
        shown.operation(progress_of(canary(), True, ())),
        shown.history([entry()]),
    ]
    assert all("<button" not in text for text in texts)
    assert "data-action" in renderer().overview(board(5))


def test_what_others_have_named_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    sample = board(5)
    named = replace(sample.services[0].status, balancer=evil)
    first = service([row(1, evil)], balancer=evil)
    html = renderer().overview(type(sample)(sample.taken, [first]))
    assert named.balancer == evil
    assert "<script" not in html
    assert "<script" not in renderer().problem(evil, evil)


def test_a_closed_site_can_be_opened_again() -> None:
    html = renderer().overview(board(5, maintenance=True))
    assert "Closed for maintenance" in html
    assert 'data-action="maintenance off"' in html


def canary(returning: bool = False) -> JournalState:
    request = Request(Strategy.CANARY, shares=(5.0, 25.0, 100.0))
    header = Header("videa deploy --canary", "me@here", 10.0, 4, Target("new", "shop:2"), (), (), {}, request)
    steps = (StepEntry(1, 9, Start(1), 11.0), StepEntry(2, 9, Judge(5.0), 12.0, Wait(12.0)))
    return JournalState(header, steps)


def test_an_operation_shows_its_steps_shares_and_verdicts() -> None:
    state = canary()
    happened = [
        (10.0, UnderWay(state.standing)),
        (11.0, StepStarted(Start(1))),
        (12.0, StepEnded(Start(1), 1.0)),
        (12.0, StepStarted(Judge(5.0))),
        (20.0, VerdictGiven(5.0, Kind.INCONCLUSIVE, "too few requests", "12 of 100")),
    ]
    html = renderer().operation(progress_of(state, True, happened))
    for text in ("waiting", "Step 2 of 9", "start 1 replica", "1.0 s", "under way", "too few requests (12 of 100)"):
        assert text in html
    assert html.count("reached") == html.count(", reached") + 1
    assert 'data-action="promote"' in html
    assert 'data-action="abort"' in html


def test_an_operation_shows_the_latencies_that_the_last_verdict_compared() -> None:
    fast, slow = Latencies([0.004] * 9 + [0.012]).histogram(), Latencies([0.2] * 4).histogram()
    happened = [
        (10.0, UnderWay(canary().standing)),
        (20.0, VerdictGiven(5.0, Kind.PASS, "good", "-", fast, fast)),
        (30.0, VerdictGiven(25.0, Kind.FAIL, "slow", "p99 200 ms", slow, fast)),
        (31.0, VerdictGiven(25.0, Kind.ERROR, "no log", "-")),
    ]
    html = renderer().operation(progress_of(canary(), True, happened))
    for text in ("Latencies at 25%", "p99 200 ms", "10 answers", "4 answers", "3 ms", "200 ms"):
        assert text in html
    assert "Latencies" not in renderer().operation(progress_of(canary(), True, happened[:1]))


def test_two_histograms_share_one_scale_and_each_is_in_shares_of_its_own_answers() -> None:
    few, many = Latencies([0.004]).histogram(), Latencies([0.004] * 1000 + [60.0]).histogram()
    picture = comparison(few, many)
    assert (picture.fastest, picture.slowest) == (0.003, None)
    heights = [min(float(point.split(",")[1]) for point in side.split()) for side in (picture.canary, picture.stable)]
    assert heights == pytest.approx([2, 2], abs=0.2)
    assert comparison((), many).canary == ""
    assert comparison((), ()).stable == ""


def test_the_autoscaler_shows_its_decisions_over_time_the_newest_first() -> None:
    made = (
        Made(100.0, 2, 4, "cpu 95%", "done"),
        Made(150.0, 4, 5, "cpu 80%", "connections"),
        Made(160.0, 4, 2, "calm", "done"),
    )
    state = ServiceState(looked=200.0, now=2, desired=2, reason="cpu 20%", made=made)
    html = renderer().autoscale([Recorded("web", 2, 8, True, state)])
    for text in ("2 replicas, 2 desired", "2 to 8", "2 → 4: cpu 95%", "4 → 5: cpu 80% (connections)", "cpu 20%"):
        assert text in html
    assert html.index("4 → 2") < html.index("2 → 4")
    picture = staircase(Recorded("web", 2, 8, True, state))
    assert picture is not None
    assert (picture.times, picture.numbers) == ((95.0, 100.0, 160.0, 200.0), (2, 4, 2, 2))
    assert 'data-points="[[95.0, 100.0, 160.0, 200.0], [2, 4, 2, 2]]"' in html
    assert staircase(Recorded("web", 2, 8, True, ServiceState())) is None
    silent = renderer().autoscale([Recorded("web", 2, 8, False, ServiceState())])
    assert "nobody runs it" in silent
    assert "desired" not in silent


def test_an_operation_without_a_process_says_what_to_do() -> None:
    state = canary()
    assert "no process runs it" in renderer().operation(progress_of(state, False, ()))
    running = JournalState(state.header, state.entries[:1])
    assert progress_of(running, False, ()).phase == "interrupted"
    assert progress_of(running, True, ()).phase == "running"


def entry(release: str = "r1", result: str = "done") -> Entry:
    return Entry(
        5.0, "me@here", "videa deploy", "canary", result, release, "shop:1", "id", 2, 61.0, 100, 1, service="web"
    )


def test_the_history_offers_the_releases_that_ran() -> None:
    html = renderer().history([entry("r1"), entry("r2", "it failed")])
    assert html.index("r2") < html.index("r1")
    assert 'data-release="r1"' in html
    assert 'data-release="r2"' not in html
    assert "1m 1s" in html


def test_the_split_is_as_wide_as_the_picture() -> None:
    parts = split_parts(board(5).services[0].shares)
    assert sum(part.width for part in parts) == pytest.approx(100, abs=0.1)
    assert parts[0].left == 0
    assert [part.share.canary for part in parts] == [False, True]
    silent = [changed_share(part.share) for part in parts]
    assert [part.width for part in split_parts(silent)] == [95.0, 5.0]


def changed_share(share: object) -> object:
    return replace(share, share=None)  # type: ignore[type-var]


def taken(moment: float) -> Board:
    return replace(board(5), taken=moment)


def test_a_viewer_gets_all_samples_once_and_then_the_new_ones() -> None:
    known = Trends()
    known.add(taken(100.0))
    known.add(taken(100.0))
    known.add(taken(102.0))
    everything = known.since(0.0)["web"]
    assert [row[0] for row in everything] == [100.0, 102.0]
    assert everything[0][2:] == (12.0, 0.1, 4, 5)
    assert [row[0] for row in known.since(100.0)["web"]] == [102.0]
    assert known.since(102.0) == {}


def test_a_trend_is_bounded_and_has_a_gap_where_nobody_looked() -> None:
    known = Trends()
    known.add(taken(10.0))
    known.add(taken(10.0 + 2 * GAP))
    assert known.since(10.0)["web"][0] == (11.0, None, None, None, None, None)
    for number in range(SAMPLES + 10):
        known.add(taken(100.0 + 2 * number))
    assert len(known.by_service["web"]) == SAMPLES
