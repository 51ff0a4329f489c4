"""The JSON Schema of x-videa accepts and refuses what videa does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from ops.errors import ConfigError
from ops.project.schema import compose_schema
from ops.project.section import read_settings
from ops.project.settings import Settings

ROOT = Path(__file__).parents[4]
SCHEMA = json.loads(json.dumps(compose_schema()))


def accepted(section: Any) -> bool:
    return jsonschema_rs.is_valid(SCHEMA, {"services": {"web": {"image": "x", "x-videa": section}}, "x-videa": section})


def test_the_published_schema_is_current() -> None:
    """To write it: videa validate --schema >docs/x-videa.schema.json"""
    assert json.loads((ROOT / "docs/x-videa.schema.json").read_text()) == SCHEMA


DOCUMENTS = tuple(f"docs/{name}.md" for name in ("x-videa", "autoscale", "canary", "deploy", "notify", "tls"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_sections_in_the_documents_are_accepted_by_both(document: str) -> None:
    text = (ROOT / document).read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    sections = [block["x-videa"] for block in blocks if "x-videa" in block]
    assert sections
    for section in sections:
        assert read_settings(section)
        assert accepted(section)


def test_our_own_compose_file_is_accepted() -> None:
    assert jsonschema_rs.is_valid(SCHEMA, yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.mark.parametrize(
    ("section", "valid"),
    [
        ({}, True),
        ({"port": "${APP_PORT:-3001}", "canary": {"steps": "${STEPS:-5, 25, 100}"}}, True),
        ({"health": {"expect": ["200-399", 401], "headers": {"Host": "a"}, "port": 9000}}, True),
        ({"proxy": {"max_body": "1g", "buffering": "off", "trusted": ["10.0.0.0/8"]}}, True),
        ({"canary": {"warmup": "10s", "max_p99_ratio": 2}}, True),
        ({"hooks": {"pre_deploy": ["a", "b"], "on_abort": "c"}}, True),
        ({"autoscale": {"max": 6, "target": {"cpu": "70%", "requests": "200/s", "p95": "300ms"}}}, True),
        ({"autoscale": {"down": {"policies": ["1/60s", "10%/1m30s"], "select": "min"}}}, True),
        ({"autoscale": {"target": {"cpu": 70}}}, False),
        ({"autoscale": {"target": {"requests": "200"}}}, False),
        ({"autoscale": {"up": {"policies": ["fast"]}}}, False),
        ({"autoscale": {"max": 1000}}, False),
        ({"replicas": 3}, False),
        ({"health": {"path": "/"}}, False),
        ({"health": {"passes": 0}}, False),
        ({"health": {"interval": "30"}}, False),
        ({"health": {"expect": ["2xx"]}}, False),
        ({"port": 70_000}, False),
        ({"proxy": {"max_body": "lots"}}, False),
        ({"sticky": "maybe"}, False),
    ],
    ids=str,
)
def test_it_accepts_what_videa_accepts(section: dict[str, Any], valid: bool) -> None:
    assert accepted(section) is valid
    if valid and "$" not in json.dumps(section):
        read_settings(section)
    elif not valid:
        with pytest.raises(ConfigError):
            read_settings(section)


def test_the_defaults_are_those_of_the_file() -> None:
    defaults = SCHEMA["$defs"]["Health"]["properties"]
    assert (defaults["interval"]["default"], defaults["deadline"]["default"]) == ("1s", "60s")
    assert SCHEMA["$defs"]["Proxy"]["properties"]["max_body"]["default"] == "64m"
    assert set(SCHEMA["$defs"]["Settings"]["properties"]) == set(Settings.__struct_encode_fields__)
