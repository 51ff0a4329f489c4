"""What scripts read fits its documented schema, and the page about doctor names every check."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from msgspec.structs import replace

from ops.doctor.answer import as_json, json_schema
from ops.doctor.facts import Facts, History, Proof
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.doctor.report import Report, examine
from tests.unit.ops.doctor.stack import NOW, healthy, instance, postgres, report_on
from videa_cli.commands.doctor import DoctorExit

DOCS = Path(__file__).parents[4] / "docs"
DOWN = postgres(up=False, error="connection refused")


def unasked() -> Report:
    return examine(Facts(NOW, "app", "backend", [], "nginx"), Limits())


def ill() -> Report:
    facts = healthy(postgres=DOWN, instances=[instance(1)], proof=Proof({"a": {"a": 200}}, [("a", 599)]))
    return examine(replace(facts, history=History(known={"pg.down app-postgres-1": NOW - 3600})), Limits())


@pytest.mark.parametrize("report", [report_on(), ill(), unasked()], ids=["healthy", "ill", "engine away"])
def test_the_answer_fits_its_schema(report: Report) -> None:
    schema = json.loads((DOCS / "doctor.schema.json").read_text())
    jsonschema_rs.validate(schema, json.loads(as_json(report)))


def test_the_schema_is_the_one_of_the_code() -> None:
    told = (DOCS / "doctor.schema.json").read_text()
    assert json.loads(told) == json_schema(), "write it anew, and make a new version if a field has gone"


def test_a_finding_tells_its_chain_and_since_when() -> None:
    answer = json.loads(as_json(ill()))
    first, second = answer["findings"]
    assert (answer["schema"], first["id"], first["group"], first["since"]) == (1, "pg.down", "postgres", NOW - 3600)
    assert (first["leads_to"], second["cause"], second["since"]) == (["app.health_lies"], "pg.down", None)


def test_the_page_names_every_check_and_exit_code() -> None:
    page = (DOCS / "doctor.md").read_text()
    named = set(re.findall(r"`([a-z]+\.[a-z0-9_]+)`", page))
    assert {check.id for check in CHECKS} <= named
    codes = re.findall(r"^\| (\d) \|", page, re.MULTILINE)
    assert [int(code) for code in codes] == [code.value for code in DoctorExit]
