"""The report: order, selection, skipped checks, replay."""

from __future__ import annotations

import msgspec
import pytest

from ops.doctor.answer import as_json
from ops.doctor.check import Check, Finding, Group
from ops.doctor.facts import Facts, Skipped
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import examine, selection, told
from ops.errors import UsageError
from tests.unit.ops.doctor.stack import healthy, instance, postgres, report_on, reported


def test_a_healthy_stack_has_no_findings_and_nothing_is_skipped() -> None:
    report = report_on()
    assert (report.findings, report.skipped) == ([], [])
    assert report.checked == [check.id for check in CHECKS]


def test_ids_are_unique_and_belong_to_a_group() -> None:
    ids = [check.id for check in CHECKS]
    assert len(ids) == len(set(ids))


def test_failures_come_first() -> None:
    down = postgres(up=False, error="refused")
    severities = [
        severity for _, severity in reported(postgres=down, instances=[instance(1), instance(2, release="r2")])
    ]
    assert severities == sorted(severities, key=["fail", "warn", "info"].index)


@pytest.mark.parametrize("source", ["postgres", "redis", "balancer", "traffic", "instances", "containers", "host"])
def test_a_source_that_could_not_be_queried_is_skipped_with_its_reason(source: str) -> None:
    report = examine(
        msgspec.structs.replace(healthy(), **{source: None, "skipped": [Skipped(source, "no answer within 7 s")]}),
        Limits(),
    )
    assert report.findings == []
    assert report.skipped
    assert {skip.reason for skip in report.skipped} == {"no answer within 7 s"}
    assert not {skip.id for skip in report.skipped} & set(report.checked)


def test_the_same_facts_from_json_give_the_same_report() -> None:
    facts = healthy(postgres=postgres(max_connections=9))
    decoded = msgspec.json.decode(msgspec.json.encode(facts), type=Facts)
    assert examine(decoded, Limits()) == examine(facts, Limits())


@pytest.mark.parametrize(
    ("only", "skip", "expected"),
    [
        (("pg.down",), (), {"pg.down"}),
        (("tls",), (), {"tls.expiry"}),
        (
            ("host",),
            (),
            {"host.disk", "host.inodes", "host.mem", "host.docker", "host.clock", "host.volume", "host.logs"},
        ),
    ],
)
def test_selection(only: tuple[str, ...], skip: tuple[str, ...], expected: set[str]) -> None:
    assert {check.id for check in selection(only, skip)} == expected


def test_an_unknown_check_cannot_be_selected() -> None:
    with pytest.raises(UsageError, match=r"pg\.dwon"):
        selection(only=("pg.dwon",))


def test_a_bug_in_a_check_does_not_hide_the_others() -> None:
    def run(facts: Facts, limits: Limits) -> list[Finding]:
        raise TypeError("videa's own")

    broken = Check("app.broken", Group.APP, "", "own", (), run)
    down = healthy(postgres=postgres(up=False, error="refused"))
    report = examine(down, Limits(), [broken, *CHECKS])
    (skip,) = [skip for skip in report.skipped if skip.id == "app.broken"]
    assert skip.reason.startswith("bug in videa: TypeError at test_report.py:")
    assert "app.broken" not in report.checked
    assert any(finding.id == "pg.down" for finding in report.findings)
    assert "videa's own" in skip.trace
    assert b"videa's own" not in as_json(report)


def test_what_others_have_said_is_redacted_in_a_report_that_is_shown() -> None:
    down = postgres(up=False, error="cannot connect to postgresql://app:tiger42@db/app")
    stack = msgspec.structs.replace(healthy(), postgres=down, redis=None, skipped=[Skipped("redis", "AUTH tiger42")])
    report = examine(stack, Limits())
    assert "tiger42" in as_json(report).decode()
    assert "tiger42" not in as_json(told(report)).decode()
    assert [finding.id for finding in told(report).findings] == [finding.id for finding in report.findings]
