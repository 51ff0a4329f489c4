"""The doctor's report for people."""

from __future__ import annotations

import io

from msgspec.structs import replace
from rich.console import Console

from ops.doctor.facts import Facts, History
from ops.doctor.facts_replicas import Proof
from ops.doctor.limits import Limits
from ops.doctor.report import examine
from tests.unit.ops.doctor.stack import NOW, healthy, instance, postgres, redis
from videa_cli.doctor_view import show_report

LOCAL = [instance(number, limiter="local") for number in (1, 2)]


def shown(facts: Facts, width: int = 80) -> list[str]:
    out = Console(file=io.StringIO(), width=width)
    show_report(out, examine(facts, Limits()))
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def without_redis() -> Facts:
    """Redis is stopped, and each instance counts its limits alone."""
    stopped = redis()
    stopped = replace(stopped, nodes=[replace(stopped.nodes[0], up=False, error="container exited, exit code 0")])
    return healthy(redis=stopped, instances=LOCAL)


def test_the_cause_comes_first_then_its_effect_and_healthy_groups_have_one_line() -> None:
    lines = shown(without_redis())
    assert lines[0] == "redis"
    assert lines[1].startswith("FAIL  Redis (app-redis-1) does not answer  redis.down")
    (effect,) = [line for line in lines if "->" in line]
    assert effect.strip() == "-> FAIL rate limits are not shared by all instances  app.ratelimit_local"
    assert "ok    postgres 36 checks" in lines
    assert lines[-1].endswith("2 failures, 0 warnings, 16 skipped")
    assert len([line for line in lines if line.startswith("skip")]) == 1


def test_wrapped_lines_keep_their_indent_and_commands_do_not_wrap() -> None:
    lines = shown(without_redis(), width=60)
    first = lines.index(next(line for line in lines if line.startswith("FAIL")))
    last = next(number for number, line in enumerate(lines) if line.startswith("ok"))
    assert all(line.startswith("      ") for line in lines[first + 1 : last])
    silent = postgres(up=False, error="no answer within 6 s")
    assert "           docker compose logs --tail 50 postgres" in shown(healthy(postgres=silent), width=40)


def test_new_and_gone_findings_are_named() -> None:
    history = History(since=NOW - 90000, last=NOW - 43200, known={"lb.version": NOW - 90000})
    lines = shown(replace(without_redis(), history=history))
    assert "last run 12.0 h ago; new: redis.down, app.ratelimit_local; gone: lb.version" in lines
    assert not [line for line in shown(replace(healthy(), history=History())) if "last run" in line]


def test_the_proof_shows_the_matrix_and_the_counters() -> None:
    names = ("app-backend-1", "app-backend-2")
    matrix = {"app-backend-1": {names[0]: 200, names[1]: 401}, "app-backend-2": {names[0]: 401, names[1]: 200}}
    separate = Proof(matrix, [(names[0], 59), (names[1], 59)])
    text = "\n".join(shown(replace(healthy(), proof=separate), width=120))
    assert "1 app-backend-1  ok   401" in text
    assert "2 separate counters" in text
    shared = Proof(matrix, [(names[0], 59), (names[1], 58)])
    assert "one counter in 2 requests" in "\n".join(shown(replace(healthy(), proof=shared), width=120))
