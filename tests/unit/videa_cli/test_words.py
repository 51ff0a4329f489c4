"""Every step and event has its words, and they have one place."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ops import events
from ops.events import Back, Event, GoingBack, GoingOn, Kind, News, Retrying, Standing, Superseded, TakenOut
from ops.steps import AnyStep, Drain, Follow, Hook, Judge, Keep, Pause, Split, Start, Wait
from videa_cli.words import words

STEPS = Path(__file__).parents[3] / "ops" / "steps.py"
TOLD = (*get_args(AnyStep), *get_args(News), events.Task, events.Back, Standing)


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
def test_each_kind_has_words(kind: type) -> None:
    assert words.dispatch(kind) is not words.dispatch(object)


def test_what_has_no_words_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no words"):
        words(object())


def test_steps_make_no_words_of_themselves() -> None:
    tree = ast.parse(STEPS.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__str__"]


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (Start(1), "start 1 replica"),
        (Start(3), "start 3 replicas"),
        (Split(("a",), (), 5.0), "give the canary 5%"),
        (Split(("a",), (), 5.0, private=True), "open a private path to the new ones"),
        (Keep(60.0), "keep the old ones for 60 s (videa promote ends it, videa abort goes back to them)"),
        (Back(Follow(("worker",))), "let worker follow back"),
        (Retrying("Docker does not answer"), "Docker does not answer; trying again"),
        (TakenOut("app-1", "no answer"), "app-1 is out: no answer"),
        (events.VerdictGiven(5.0, Kind.PASS, "as good as stable", "-"), "5%: pass: as good as stable (-)"),
        (events.Promoted("me@here"), "promoted by me@here"),
        (events.Promoted("me@here", 5.0), "5%: promoted by me@here without a verdict"),
        (events.NoVerdict(5.0, 600.0), "5%: no verdict within 600 s: videa promote, or videa abort"),
        (events.HookFailed("post_deploy", "it failed"), "it failed; the release stays"),
        (events.HookFailed("on_abort", "it failed"), "it failed"),
        (
            events.ReplicasFixed(2, "APP_REPLICAS"),
            "the Compose file says 2 replicas, and a plain `docker compose up -d` will go back to that; write "
            "`replicas: ${APP_REPLICAS:-2}` there, and videa remembers it",
        ),
        (
            events.OperationEnded("videa deploy", "me@here", "canary", "new", "it failed", 1.5, "put_back"),
            "`videa deploy` of me@here has ended after 1.5 s: it failed (put back)",
        ),
        (
            Standing("videa deploy", "me@here", 2, 9, Judge(25.0), Wait(1.0, 86400.0)),
            "`videa deploy` of me@here waits (at step 2 of 9): judge the canary at 25%, until 00:00:00 UTC at the "
            "latest",
        ),
        (
            Standing("videa deploy", "me@here", 2, 9, Judge(25.0), Wait(1.0)),
            "`videa deploy` of me@here waits (at step 2 of 9): judge the canary at 25%, which nobody does yet",
        ),
        (
            events.LeftWaiting(Standing("videa deploy", "me@here", 2, 9, Pause(25.0), Wait(1.0))),
            "`videa deploy` of me@here waits (at step 2 of 9): paused at 25%; end the wait: videa promote; roll it "
            "back: videa abort; or resume the wait: videa deploy --resume",
        ),
        (
            Standing("videa deploy", "me@here", 2, 9, Keep(600.0), Wait(1.0, 61.0)),
            "`videa deploy` of me@here waits (at step 2 of 9): keep the old ones until 00:01:01 UTC",
        ),
        (GoingBack(), "putting everything back"),
        (GoingBack("it failed"), "putting everything back: it failed"),
        (
            GoingOn(Standing("videa deploy", "me@here")),
            "going on with `videa deploy` of me@here, before its first step",
        ),
        (
            Superseded(Standing("videa deploy", "me@here", 2, 9, Drain())),
            "`videa deploy` of me@here, at step 2 of 9: drain was broken off; this operation takes its place",
        ),
    ],
)
def test_what_is_read_of_it(thing: object, said: str) -> None:
    assert words(thing) == said


def test_every_event_goes_out_as_json_and_comes_back() -> None:
    told: list[Event] = [
        events.StepEnded(Start(2), 1.5),
        events.StepFailed(Back(Follow(("worker",))), "no"),
        GoingBack("it failed", Standing("videa deploy", "me@here", 2, 9, Drain())),
        TakenOut("app-1", "no answer"),
        events.VerdictGiven(5.0, Kind.ERROR, "no log", "-"),
        events.OperationEnded("videa scale 3", "me@here", "scale", "new", "done", 1.5, "", 100, 0),
    ]
    assert msgspec.json.decode(msgspec.json.encode(told), type=list[Event]) == told


def test_a_hook_reads_as_it_was_written_whether_by_a_shell_or_as_a_list() -> None:
    assert words(Hook("pre_deploy", "true && exit 3")) == "hook pre_deploy: true && exit 3"
    assert words(Hook("pre_deploy", ("echo", "a b", "&&"))) == "hook pre_deploy: echo 'a b' '&&'"
