"""`videa autoscale`: what it shows, and what it refuses."""

from __future__ import annotations

import io
from typing import Any, cast

import msgspec
import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from ops.autoscale.asks import Ask
from ops.autoscale.bounds import CONNECTIONS, Bound, Bounds
from ops.autoscale.decide import Decision, Limit
from ops.autoscale.explain import rows
from ops.autoscale.state import Made, ServiceState
from ops.autoscale.view import Explanation, ServiceView
from ops.events import OperationEnded
from videa_cli.autoscale_view import ended, show_explanation, show_status, state_of
from videa_cli.commands.autoscale import commands
from videa_cli.context import Options

BOUND = Bound(CONNECTIONS, 5, "PostgreSQL accepts 25 connections, 5 for each replica", "raise max_connections")
MADE = Made(1_800_000_000.0, 2, 5, "requests 225/s of 100/s asks for 5", "done")
STATE = ServiceState(looked=1.0, now=5, desired=5, reason="requests 90.0/s of 100/s asks for 5", made=(MADE,))


def printed(what: RenderableType) -> str:
    out = Console(file=io.StringIO(), width=200)
    out.print(what)
    return cast(io.StringIO, out.file).getvalue()


def view(state: ServiceState = STATE, runs: bool = True) -> ServiceView:
    return ServiceView("web", 2, 8, runs, state, 5, (BOUND,))


def test_status_shows_the_number_its_bounds_and_the_last_decisions() -> None:
    text = printed(show_status([view()]))
    for part in (
        "web",
        "on",
        "5 by connections",
        "2027-01-15 08:00:00 UTC  2 -> 5  requests 225/s of 100/s asks for 5",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("shown", "word", "line"),
    [
        (view(runs=False), "nobody runs it", "videa autoscale on"),
        (view(ServiceState(off=True, who="me@here")), "off", "turned off by me@here"),
        (view(ServiceState(waits="`videa deploy` of me@here is running")), "waits", "`videa deploy` of me@here"),
    ],
)
def test_status_says_why_nothing_is_decided(shown: ServiceView, word: str, line: str) -> None:
    assert state_of(shown) == word
    assert line in printed(show_status([shown]))


def test_explain_shows_each_metric_and_what_would_have_to_change() -> None:
    asks = (Ask("requests", 400.0, 100.0, 8), Ask("cpu", None, 0.7, None, "no replica is ready"))
    decision = Decision(0.0, 2, 8, 5, asks, (Limit(CONNECTIONS, 8, 5, BOUND.why, BOUND.change),))
    shown = tuple(rows(decision, 0.1))
    explained = Explanation("web", False, Bounds(2, 8, (BOUND,)), decision, shown, {})
    text = printed(show_explanation(explained))
    for part in ("2 replicas now, 5 desired", "400/s", "above 110/s", "no replica is ready", "raise max_connections"):
        assert part in text
    scripted = msgspec.json.decode(msgspec.json.encode({"services": [explained, view()]}))["services"]
    assert (scripted[0]["decision"]["desired"], scripted[1]["state"]["made"][0]["result"]) == (5, "done")


def test_the_end_of_an_operation_has_its_proof() -> None:
    event = OperationEnded("videa autoscale app=5", "me@here", "scale", "new", "done", 1.25, "", 812, 0)
    assert ended(event) == "done (1.2 s, 812 requests, 0 failed)"
    assert ended(msgspec.structs.replace(event, requests=None)) == "done (1.2 s)"


@pytest.mark.parametrize("interval", ["0s", "5", "2m"])
def test_an_interval_is_between_a_second_and_a_minute(interval: str) -> None:
    result = CliRunner().invoke(commands, ["run", "--interval", interval], obj=cast(Any, Options()))
    assert result.exception
    assert "--interval" in str(result.exception)
