"""What the logs say: error lines of known programs, grouped, without secrets, as evidence and as the cause."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ops.doctor.facts_balancer import Traffic
from ops.doctor.facts_services import LogGroup
from ops.doctor.log_lines import errors, groups
from ops.doctor.registry import CHECKS
from ops.doctor.signs import SIGNS, sign_of
from ops.redaction.typed import redactor_for
from tests.unit.ops.doctor.stack import NOW, balancer, finding, healthy, instance, report_on

AT = "2027-01-15T08:00:{:02d}.123456789Z "
NGINX = (
    "2026/11/26 17:20:00 [{}] 30#30: *{} connect() failed (111: Connection refused) while connecting to upstream,"
    ' client: 10.0.0.9, server: _, request: "GET /a HTTP/1.1", upstream: "http://10.0.0.2:3001/a", host: "shop"'
)


def said(*lines: str) -> list[str]:
    """The errors in a log with these lines, one a second."""
    return [text for _, text in errors(AT.format(number) + line for number, line in enumerate(lines))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-11-26 17:20:00.1 UTC [77] ERROR:  division by zero", ["division by zero"]),
        ("2026-11-26 17:20:00.1 UTC [77] app@shop FATAL:  sorry, too many clients already", ["sorry, too many"]),
        ("2026-11-26 17:20:00.1 UTC [77] LOG:  checkpoint starting: time", []),
        ("2026-11-26 17:20:00.1 UTC [77] STATEMENT:  SELECT 1/0", []),
        ("1:M 26 Nov 2026 17:20:00.123 # Write error saving DB on disk: No space left on device", ["Write error"]),
        ("1:M 26 Nov 2026 17:20:00.123 # WARNING Memory overcommit must be enabled!", []),
        ("1:M 26 Nov 2026 17:20:00.123 * Background saving terminated with success", []),
        (NGINX.format("error", 7), ["connect() failed"]),
        (NGINX.format("notice", 7), []),
        ("2026/11/26 17:20:00 [warn] 30#30: 60 worker_connections are not enough, reusing", ["60 worker_connections"]),
        (
            '{"level":"error","message":"request failed","exception":"Traceback\\n  x\\nOSError: gone"}',
            ["request failed"],
        ),
        ('{"level":"info","message":"Error page served"}', []),
        ('{"broken', []),
        ("12:00 ERROR something broke", ["12:00 ERROR something"]),
        ("all is well", []),
    ],
)
def test_errors_of_known_programs(line: str, expected: list[str]) -> None:
    found = said(line)
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


def test_of_a_traceback_only_what_it_ends_with() -> None:
    lines = ["Traceback (most recent call last):", '  File "a.py", line 1', "    x()", "ValueError: no", "fine"]
    assert said(*lines) == ["ValueError: no"]


def test_lines_that_differ_in_numbers_are_one_group_with_its_times_and_without_details_and_secrets() -> None:
    lines = [AT.format(number) + NGINX.format("error", number) for number in range(5)]
    lines.append(AT.format(9) + "ERROR cannot log in to postgres://app:hunter2secret@db/shop")
    frequent, other = groups("\n".join(lines), redactor_for().text)
    assert (frequent.count, frequent.last - frequent.first) == (5, 4.0)
    assert "client:" not in frequent.text and "10.0.0.2:3001" in frequent.text
    assert "hunter2secret" not in other.text
    assert groups("\n".join(lines), str, since=other.last) == [other_with(other, lines)]


def other_with(group: LogGroup, lines: list[str]) -> LogGroup:
    return replace(group, text=lines[-1].partition(" ")[2])


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("could not extend file: No space left on device", "host.volume"),
        ("NOAUTH Authentication required.", "redis.auth"),
        ("cannot execute INSERT in a read-only transaction", "pg.read_only"),
        ("FATAL: sorry, too many clients already", "pg.conn_high"),
        ("accept4() failed (24: Too many open files)", "lb.connections"),
        ("[Errno -3] Temporary failure in name resolution", "net.dns"),
        ("backend could not be resolved (110: Operation timed out)", "net.dns"),
        ("shop-backend-2 could not be resolved (3: Host not found)", ""),  # it has no container
        ("OOM command not allowed when used memory > 'maxmemory'", "redis.noevict_full"),
        ("all is well", ""),
    ],
)
def test_known_words(line: str, check: str) -> None:
    assert sign_of(line) == check


def group(text: str, count: int = 12, sign: str | None = None, age: float = 5.0) -> LogGroup:
    return LogGroup(text, count, NOW - 60, NOW - age, sign_of(text) if sign is None else sign)


def test_the_log_is_evidence_and_a_known_error_that_no_check_names_adds_its_fix() -> None:
    logs = {"app-postgres-1": [group("could not write file: No space left on device")]}
    down = replace(healthy().postgres, up=False, error="restarting")  # type: ignore[type-var]
    result = finding("pg.down", postgres=down, logs=logs)
    assert "log of app-postgres-1: 12 x since" in result.evidence
    assert "No space left on device" in result.evidence
    assert "docker system df" in result.fix


def test_a_known_error_decides_the_cause() -> None:
    failing: dict[str, Any] = {
        "traffic": Traffic(60, 1000, 900),
        "logs": {"app-nginx-1": [group("worker_connections are not enough")]},
        "balancer": balancer(connections=100, most_connections=100),
        "host": replace(healthy().host, memory_free=0.01),  # type: ignore[type-var]
    }
    findings = {one.id: one for one in report_on(**failing).findings}
    assert findings["lb.connections"].severity == "fail"
    assert findings["lb.5xx"].cause == "lb.connections"
    assert "its log tells more" not in findings["lb.5xx"].fix


def test_an_error_of_a_replica_that_is_over_is_no_fault_of_names() -> None:
    sick = instance(2, ready=503, reason="503: postgres: gone")
    for age, expected in ((5.0, "net.dns"), (300.0, "")):
        logs = {"app-backend-2": [group("Temporary failure in name resolution", age=age)]}
        (first,) = [
            one for one in report_on(instances=[instance(1), sick], logs=logs).findings if one.id == "app.not_ready"
        ]
        assert first.cause == expected


def test_each_sign_stands_for_a_check_of_doctor() -> None:
    others = {"host.volume", "redis.auth", "pg.auth", "pg.read_only"}
    assert {sign.finding for sign in SIGNS} <= {check.id for check in CHECKS} | others
