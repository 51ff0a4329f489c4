"""The collectors run at the same time; what one of them cannot say is told with its reason."""

from __future__ import annotations

import re
import threading

import pytest

from ops.doctor.collect import container_of, run_all
from ops.doctor.facts import Skipped
from ops.doctor.skip import Skip
from ops.errors import EngineError
from tests.unit.ops.doctor.stack import container


def test_composes_container_takes_precedence_over_one_started_by_hand() -> None:
    by_hand, ours = container("postgres", 0), container("postgres", 1, state="exited")
    assert container_of([by_hand, ours], "postgres") == ours
    assert container_of([by_hand], "postgres") == by_hand


def test_a_collector_that_hangs_or_fails_does_not_delay_the_others() -> None:
    never = threading.Event()

    def broken() -> None:
        raise EngineError("container is paused", "unpause it")

    answers, skipped, seconds = run_all({"good": lambda: 1, "hung": never.wait, "bad": broken}, deadline=0.2)
    never.set()
    assert answers == {"good": 1}
    assert {skip.id: skip.reason for skip in skipped} == {
        "hung": "no answer within 0.2 s",
        "bad": "container is paused",
    }
    assert "good" in seconds


def test_a_bug_in_a_collector_is_reported_with_its_location_but_without_its_message() -> None:
    def collector() -> str:
        return str({}["postgresql://app:secret@db/app"])

    _, (skipped,), _ = run_all({"postgres": collector}, deadline=5)
    assert re.fullmatch(r"bug in videa: KeyError at test_collect\.py:\d+; --verbose shows more", skipped.reason)
    assert "in collector" in skipped.trace


@pytest.mark.parametrize(
    "error", [Skip("it is elsewhere"), EngineError("it is elsewhere", ""), OSError("it is elsewhere")]
)
def test_a_source_that_cannot_be_examined_is_not_a_bug(error: Exception) -> None:
    def collector() -> None:
        raise error

    _, skipped, _ = run_all({"postgres": collector}, deadline=5)
    assert skipped == [Skipped("postgres", "it is elsewhere")]
