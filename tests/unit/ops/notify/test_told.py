"""What is worth a notification, with the same id each time it is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.autoscale.state import Made, ServiceState
from ops.events import Kind, NoVerdict, VerdictGiven
from ops.notify import told
from ops.notify.message import Findings, Message
from ops.rollout.entries import Header, JournalState, StepEntry
from ops.rollout.history import DONE, LEFT, Entry
from ops.rollout.request import Request
from ops.steps import Drain, Judge, Pause, Target, Wait

HEADER = Header(
    "videa deploy", "me@here", 100.0, 2, Target("v2", "app:2"), ("a",), ("a",), {}, Request(), service="app"
)
BEGUN = JournalState(HEADER, (StepEntry(1, 4, Drain(), 101.0),))


def kinds(messages: list[Message]) -> list[str]:
    return [message.kind for message in messages]


def journal(state: JournalState | None, attended: bool = True) -> list[Message]:
    return list(told.of_journal(state, attended))


def entry(**fields: object) -> Entry:
    plain = Entry(200.0, "me@here", "videa deploy", "rolling", DONE, "v2", "app:2", "sha256:1", 2, 12.0, service="app")
    return Entry(**{**{name: getattr(plain, name) for name in plain.__struct_fields__}, **fields})


def test_a_deploy_that_runs_has_begun() -> None:
    (message,) = journal(BEGUN)
    assert (message.kind, message.severity, message.time) == ("deploy.began", "info", 100.0)
    assert message.text == "`videa deploy` of me@here, release v2"
    assert journal(BEGUN) == [message]
    assert journal(None) == []


def test_a_scale_is_told_when_it_has_ended() -> None:
    scale = replace(BEGUN, header=Header("videa scale 3", "me", 1.0, 3, Target("", ""), (), (), {}))
    assert journal(scale) == []
    assert kinds(list(told.of_history([entry(action="scale", command="videa scale 3")]))) == ["scale.passed"]


def test_a_pause_waits_for_somebody() -> None:
    paused = replace(BEGUN, entries=(*BEGUN.entries, StepEntry(2, 4, Pause(25.0), 110.0, Wait(110.0))))
    assert kinds(journal(paused, attended=False)) == ["deploy.began", "deploy.paused"]
    assert "waits at 25%: videa promote, or videa abort" in journal(paused)[1].text


def test_a_missing_verdict_is_told_once_though_the_deploy_then_pauses() -> None:
    entries = (
        StepEntry(2, 4, Judge(5.0), 110.0, Wait(110.0)),
        NoVerdict(5.0, 60.0),
        StepEntry(2, 4, Pause(5.0), 170.0, Wait(170.0)),
    )
    messages = journal(replace(BEGUN, entries=entries))
    assert kinds(messages) == ["deploy.began", "deploy.paused"]
    assert messages[1].severity == "warning"


def test_verdicts_are_told_apart() -> None:
    given = [VerdictGiven(5.0, kind, "reason", "1 of 2") for kind in (Kind.PASS, Kind.FAIL, Kind.FAIL)]
    messages = journal(replace(BEGUN, entries=(*BEGUN.entries, *given)))[1:]
    assert [message.severity for message in messages] == ["info", "warning", "warning"]
    assert len({message.id for message in messages}) == 3


def test_a_process_that_has_exited_is_critical() -> None:
    message = journal(BEGUN, attended=False)[-1]
    assert (message.kind, message.severity) == ("deploy.interrupted", "critical")
    assert message.id == journal(BEGUN, attended=False)[-1].id


def test_each_end_is_told_with_its_reason() -> None:
    passed, aborted, rolled_back = told.of_history(
        [entry(), entry(result="the canary failed at 5%: 9% of 100"), entry(action="abort")]
    )
    assert (passed.kind, passed.severity) == ("deploy.passed", "info")
    assert passed.text == "app: `videa deploy` of me@here is complete after 12 s: 2 replicas, release v2"
    assert (aborted.kind, aborted.severity) == ("deploy.aborted", "warning")
    assert aborted.text.endswith("the canary failed at 5%: 9% of 100")
    assert rolled_back.text.endswith("rolled back")


def test_what_is_no_end_of_an_operation_is_not_told() -> None:
    quiet = [entry(action="found"), entry(result=LEFT), entry(automatic=True, action="scale")]
    assert list(told.of_history(quiet)) == []


def test_decisions_of_the_autoscaler() -> None:
    made = tuple(
        Made(300.0 + at, now, desired, "cpu 90%", result)
        for at, (now, desired, result) in enumerate(
            [(2, 4, "done"), (4, 4, "connections"), (4, 5, "no room"), (4, 3, "dry run")]
        )
    )
    messages = list(told.of_autoscaler({"app": ServiceState(made=made)}))
    assert kinds(messages) == ["autoscale.changed", "autoscale.limited", "autoscale.failed"]
    assert messages[0].text == "app: 2 -> 4 replicas; cpu 90%"


FOUND = {"pg.down": ("fail", "PostgreSQL is down"), "ctr.oom app-1": ("warn", "out of memory")}
CHECKED = ["pg.down", "ctr.oom"]


def test_findings_are_new_once_and_gone_once() -> None:
    seen, messages = told.of_findings(Findings(), FOUND, CHECKED, 1.0)
    assert not messages, "one look may be wrong"
    seen, messages = told.of_findings(seen, FOUND, CHECKED, 2.0)
    assert [(each.kind, each.severity) for each in messages] == [("doctor.new", "critical"), ("doctor.new", "warning")]
    assert messages[0].text == "PostgreSQL is down (pg.down); why, and what to do: videa doctor"
    assert told.of_findings(seen, FOUND, CHECKED, 3.0) == (seen, [])
    seen, messages = told.of_findings(seen, {}, ["pg.down"], 4.0)
    assert not messages
    seen, messages = told.of_findings(seen, {}, ["pg.down"], 5.0)
    assert [(each.kind, each.text) for each in messages] == [("doctor.gone", "PostgreSQL is down (pg.down)")]
    assert seen == Findings({"ctr.oom app-1": "out of memory"}), "it was not checked, so it is not gone"


@pytest.mark.parametrize("known", [{}, {"pg.down": "PostgreSQL is down"}])
def test_one_look_that_differs_tells_nothing(known: dict[str, str]) -> None:
    usual = {key: FOUND[key] for key in known}
    other = {} if known else {"pg.down": FOUND["pg.down"]}
    seen = Findings(known)
    for look in (other, usual, other, usual):
        seen, messages = told.of_findings(seen, look, CHECKED, 1.0)
        assert not messages
    assert seen == Findings(known)


def test_a_look_that_did_not_check_neither_confirms_nor_forgets() -> None:
    first, _ = told.of_findings(Findings({"ctr.oom app-1": "out of memory"}), {"pg.down": FOUND["pg.down"]}, CHECKED, 1)
    assert set(first.unconfirmed) == {"pg.down", "ctr.oom app-1"}
    between, messages = told.of_findings(first, {}, ["redis.down"], 2.0)
    assert (between, messages) == (first, [])
    _, messages = told.of_findings(between, {"pg.down": FOUND["pg.down"]}, CHECKED, 3.0)
    assert kinds(messages) == ["doctor.new", "doctor.gone"]
