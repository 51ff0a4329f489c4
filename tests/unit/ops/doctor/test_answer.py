"""The JSON for scripts matches its documented schema, and docs/doctor.md names every check."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from msgspec.structs import replace

from ops.doctor.answer import as_json, json_schema
from ops.doctor.facts import Facts, History
from ops.doctor.facts_replicas import Proof
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import Report, examine
from tests.unit.ops.doctor.stack import NOW, healthy, instance, postgres, report_on
from videa_cli.commands.doctor import DoctorExit

DOCS = Path(__file__).parents[4] / "docs"
DOWN = postgres(up=False, error="connection refused")


def without_engine() -> Report:
    return examine(Facts(NOW, "app", "backend", [], "nginx"), Limits())


def failing() -> Report:
    facts = healthy(postgres=DOWN, instances=[instance(1)], proof=Proof({"a": {"a": 200}}, [("a", 599)]))
    return examine(replace(facts, history=History(known={"pg.down app-postgres-1": NOW - 3600})), Limits())


@pytest.mark.parametrize("report", [report_on(), failing(), without_engine()], ids=["healthy", "failing", "no engine"])
def test_the_answer_fits_its_schema(report: Report) -> None:
    schema = json.loads((DOCS / "doctor.schema.json").read_text())
    jsonschema_rs.validate(schema, json.loads(as_json(report)))


def test_the_schema_matches_the_code() -> None:
    documented = (DOCS / "doctor.schema.json").read_text()
    assert json.loads(documented) == json_schema(), "rewrite it, with a new version if a field was removed"


def test_a_finding_has_its_chain_and_the_time_it_was_first_seen() -> None:
    answer = json.loads(as_json(failing()))
    first, second = answer["findings"]
    assert (answer["schema"], first["id"], first["group"], first["since"]) == (1, "pg.down", "postgres", NOW - 3600)
    assert (first["leads_to"], second["cause"], second["since"]) == (["app.health_lies"], "pg.down", None)


def test_the_page_names_every_check_and_exit_code() -> None:
    page = (DOCS / "doctor.md").read_text()
    named = set(re.findall(r"`([a-z]+\.[a-z0-9_]+)`", page))
    assert {check.id for check in CHECKS} <= named
    codes = re.findall(r"^\| (\d) \|", page, re.MULTILINE)
    assert [int(code) for code in codes] == [code.value for code in DoctorExit]
