"""The JSON Schema of the x-videa section, for editors: a schema of Compose files that ignores everything else."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from ops.probes import Statuses
from ops.project.policy import POLICY, Policy
from ops.project.settings import Section, Settings
from ops.project.units import DURATION, PERCENTAGE, RATE, Rate, Seconds, Share, Size

VARIABLE = {"type": "string", "pattern": r"\$"}
"""A value may be a variable, such as ${APP_PORT:-3001}."""

_TYPES: dict[type, dict[str, Any]] = {
    Seconds: {"type": "string", "pattern": f"^{DURATION.pattern}$", "examples": ["500ms", "30s", "1m30s"]},
    Size: {"type": ["string", "integer"], "pattern": "^[0-9]+[kmgKMG]?[bB]?$", "examples": ["512k", "64m"]},
    Share: {"type": "string", "pattern": f"^{PERCENTAGE.pattern}$", "examples": ["70%"]},
    Rate: {"type": "string", "pattern": f"^{RATE.pattern}$", "examples": ["200/s", "12000/m"]},
    Policy: {"type": "string", "pattern": f"^{POLICY.pattern}$", "examples": ["4/15s", "100%/15s"]},
    Statuses: {"type": ["string", "integer"], "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$", "examples": ["200-399"]},
}


def compose_schema() -> dict[str, Any]:
    """The schema of a Compose file with x-videa at the top, or in a service."""
    kind = _plain(Settings)
    (section,), parts = msgspec.json.schema_components([kind], schema_hook=_custom, ref_template="#/$defs/{name}")
    for part in parts.values():
        part.pop("description", None)  # the docstring of a class
        if "properties" in part:
            part["properties"] = {name: _or_variable(value) for name, value in part["properties"].items()}
    several = {"additionalProperties": {"anyOf": [section, {"type": "null"}]}}
    top = {**parts[kind.__name__], "properties": {**parts[kind.__name__]["properties"], "services": several}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "x-videa in a Compose file",
        "type": "object",
        "properties": {
            "x-videa": {"anyOf": [top, {"type": "null"}]},
            "services": {
                "additionalProperties": {"properties": {"x-videa": {"anyOf": [section, {"type": "null"}]}}},
            },
        },
        "$defs": {**parts, "variable": VARIABLE},
    }


@cache
def _plain(section: type[Section]) -> type[msgspec.Struct]:
    """The section with defaults that JSON can represent: msgspec does not encode defaults of custom types."""
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            fields.append((field.encode_name, _plain(field.type), msgspec.field(default_factory=object)))
        elif field.default is msgspec.NODEFAULT:
            fields.append((field.encode_name, field.type, msgspec.field(default_factory=field.default_factory)))
        else:
            fields.append((field.encode_name, field.type, _in_the_file(field.default)))
    return msgspec.defstruct(section.__name__, fields, forbid_unknown_fields=True)


def _in_the_file(default: object) -> object:
    if isinstance(default, tuple):
        return tuple(map(_in_the_file, default))
    return str(default) if isinstance(default, Seconds | Size | Share | Rate | Policy | Statuses) else default


def _custom(kind: type) -> dict[str, Any]:
    return dict(_TYPES[kind])


def _or_variable(value: dict[str, Any]) -> dict[str, Any]:
    """The schema of the value or a variable; for an array, also of a string with its items."""
    if "$ref" in value and "default" not in value:
        return value
    if "$ref" in value.get("items", {}):
        return value  # a list of mappings: no variable can contain one
    items = [{"type": ["string", "integer"]}] if value.get("type") == "array" else [{"$ref": "#/$defs/variable"}]
    switch = [{"enum": ["on", "off", "yes", "no"]}] if value.get("type") == "boolean" else []
    plain = {name: content for name, content in value.items() if name != "default"}
    schema: dict[str, Any] = {"anyOf": [plain, *switch, *items]}
    return {**schema, "default": value["default"]} if "default" in value else schema
