"""Every step and event has its words, and they have one place."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ops import events
from ops.events import Back, Event, Kind, News, Resuming, Retrying, RollingBack, Standing, Superseded
from ops.notices import Notice, ReplicaEjected
from ops.steps import AnyStep, Drain, Follow, Hook, Judge, Keep, Pause, Split, Start, Wait
from videa_cli.step_words import step_words
from videa_cli.words import words

STEPS = Path(__file__).parents[3] / "ops" / "steps.py"
EVENTS = [kind for kind in (*get_args(News), events.Task, events.Back, Standing) if kind not in get_args(Notice)]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_each_kind_of_event_has_a_text(kind: type) -> None:
    assert words.dispatch(kind) is not words.dispatch(object)


@pytest.mark.parametrize("kind", get_args(AnyStep), ids=lambda kind: kind.__name__)
def test_each_kind_of_step_has_a_text(kind: type) -> None:
    assert step_words.dispatch(kind) is not step_words.dispatch(object)


def test_anything_else_has_no_text() -> None:
    with pytest.raises(TypeError, match="no text"):
        words(object())


def test_steps_make_no_words_of_themselves() -> None:
    tree = ast.parse(STEPS.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__str__"]


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (Start(1), "start 1 replica"),
        (Start(3), "start 3 replicas"),
        (Split(("a",), (), 5.0), "send 5% to the canary"),
        (Split(("a",), (), 5.0, private=True), "open a private path to the new replicas"),
        (Keep(60.0), "keep the old replicas for 60 s (videa promote ends this, videa abort returns to them)"),
        (Back(Follow(("worker",))), "roll back: update worker"),
        (Retrying("Docker does not answer"), "Docker does not answer; trying again"),
        (events.VerdictGiven(5.0, Kind.PASS, "as good as stable", "-"), "5%: pass: as good as stable (-)"),
        (events.Promoted("me@here"), "promoted by me@here"),
        (events.Promoted("me@here", 5.0), "5%: promoted by me@here without a verdict"),
        (events.NoVerdict(5.0, 600.0), "5%: no verdict within 600 s: videa promote, or videa abort"),
        (events.HookFailed("post_deploy", "it failed"), "it failed; the release stays"),
        (events.HookFailed("on_abort", "it failed"), "it failed"),
        (
            events.OperationEnded("videa deploy", "me@here", "canary", "new", "it failed", 1.5, "rolled_back"),
            "`videa deploy` of me@here ended after 1.5 s: it failed (rolled back)",
        ),
        (
            Standing("videa deploy", "me@here", 2, 9, Judge(25.0), Wait(1.0, 86400.0)),
            "`videa deploy` of me@here waits (at step 2 of 9): judge the canary at 25%, until 00:00:00 UTC at the "
            "latest",
        ),
        (
            Standing("videa deploy", "me@here", 2, 9, Judge(25.0), Wait(1.0)),
            "`videa deploy` of me@here waits (at step 2 of 9): judge the canary at 25%, which no process does now",
        ),
        (
            events.LeftWaiting(Standing("videa deploy", "me@here", 2, 9, Pause(25.0), Wait(1.0))),
            "`videa deploy` of me@here waits (at step 2 of 9): paused at 25%; end the wait: videa promote; roll it "
            "back: videa abort; or resume the wait: videa deploy --resume",
        ),
        (
            Standing("videa deploy", "me@here", 2, 9, Keep(600.0), Wait(1.0, 61.0)),
            "`videa deploy` of me@here waits (at step 2 of 9): keep the old replicas until 00:01:01 UTC",
        ),
        (RollingBack(), "rolling back"),
        (RollingBack("it failed"), "rolling back: it failed"),
        (
            Resuming(Standing("videa deploy", "me@here")),
            "continuing `videa deploy` of me@here, before its first step",
        ),
        (
            Superseded(Standing("videa deploy", "me@here", 2, 9, Drain())),
            "`videa deploy` of me@here, at step 2 of 9: drain was interrupted; this operation replaces it",
        ),
    ],
)
def test_what_is_read_of_it(thing: object, said: str) -> None:
    assert words(thing) == said


def test_every_event_goes_out_as_json_and_comes_back() -> None:
    told: list[Event] = [
        events.StepEnded(Start(2), 1.5),
        events.StepFailed(Back(Follow(("worker",))), "no"),
        RollingBack("it failed", Standing("videa deploy", "me@here", 2, 9, Drain())),
        ReplicaEjected("app-1", "no answer"),
        events.VerdictGiven(5.0, Kind.ERROR, "no log", "-"),
        events.OperationEnded("videa scale 3", "me@here", "scale", "new", "done", 1.5, "", 100, 0),
    ]
    assert msgspec.json.decode(msgspec.json.encode(told), type=list[Event]) == told


def test_a_hook_reads_as_it_was_written_whether_by_a_shell_or_as_a_list() -> None:
    assert words(Hook("pre_deploy", "true && exit 3")) == "hook pre_deploy: true && exit 3"
    assert words(Hook("pre_deploy", ("echo", "a b", "&&"))) == "hook pre_deploy: echo 'a b' '&&'"
