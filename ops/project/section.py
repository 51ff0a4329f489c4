"""Reads the x-videa section, and reports errors in it with the key and the allowed values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_origin

import msgspec

from ops.errors import ConfigError
from ops.probes import Statuses, read_statuses
from ops.project.notify import NAME_ONLY
from ops.project.policy import Policy, read_policy
from ops.project.section_rules import check_settings
from ops.project.settings import (
    Autoscale,
    Canary,
    EngineKind,
    FailureAction,
    Freeze,
    Health,
    Hooks,
    Level,
    OnInconclusive,
    Protocol,
    Proxy,
    Receiver,
    Route,
    ScaleDown,
    ScaleUp,
    Section,
    Select,
    Settings,
    Sticky,
    Target,
    Tls,
    Update,
    UpdateOrder,
)
from ops.project.units import Rate, Seconds, Share, Size, parse_duration, parse_rate, parse_share, parse_size
from ops.typed import Converter

CHOICES: dict[str, type[Enum]] = {
    "engine": EngineKind,
    "protocol": Protocol,
    "sticky": Sticky,
    "in_doubt": OnInconclusive,
    "select": Select,
    "order": UpdateOrder,
    "failure_action": FailureAction,
    "severity": Level,
}
ON, OFF = ("on", "yes"), ("off", "no")
"""Words for true and false, in addition to YAML's own."""


def read_settings(section: dict[str, Any]) -> Settings:
    """Validates the x-videa section. Raises ConfigError with the key and the allowed values.

    Each value may come from a variable, so numbers and lists may be strings.
    """
    section = _with_lists(section, Settings)
    try:
        settings = _SETTINGS.convert(section)
    except msgspec.ValidationError as error:
        raise ConfigError(*_explain(str(error), section)) from error
    check_settings(settings)
    return settings


def problems(section: dict[str, Any]) -> list[ConfigError]:
    """All errors in the section: ``read_settings`` stops at the first one."""
    found = []
    for part in _parts(section, Settings):
        try:
            read_settings(part)
        except ConfigError as error:
            found.append(error)
    return found


def _parts(section: dict[str, Any], kind: type[Section]) -> Iterator[dict[str, Any]]:
    """The section in parts with one value each."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in section.items():
        inner = kinds.get(key)
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, Section):
            yield from ({key: part} for part in _parts(value, inner))
        else:
            yield {key: value}


def _with_lists(section: dict[str, Any], kind: type[Section]) -> dict[str, Any]:
    """The section with lists in place of strings such as "5, 25, 100", and with booleans in place of on and off."""
    lists = dict(section)
    for field in msgspec.structs.fields(kind):
        value = section.get(field.encode_name)
        if field.type is bool and isinstance(value, str) and value.lower() in (*ON, *OFF):
            lists[field.encode_name] = value.lower() in ON
        elif isinstance(value, int) and get_origin(field.type) is tuple:
            lists[field.encode_name] = [value]
        elif isinstance(value, str) and get_origin(field.type) is tuple:
            lists[field.encode_name] = value.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
        elif isinstance(value, dict) and isinstance(field.type, type) and issubclass(field.type, Section):
            lists[field.encode_name] = _with_lists(value, field.type)
        elif isinstance(value, dict) and field.encode_name == "notify":
            lists["notify"] = {
                name: _with_lists(each, Receiver) if isinstance(each, dict) else each for name, each in value.items()
            }
    return lists


def _decode(kind: type, value: object) -> object:
    if kind is Seconds:
        return parse_duration(value)
    if kind is Size:
        return parse_size(value)
    if kind is Share:
        return parse_share(value)
    if kind is Rate:
        return parse_rate(value)
    if kind is Policy:
        return read_policy(value)
    if kind is Statuses:
        return read_statuses(value)
    raise NotImplementedError(kind)


_SETTINGS = Converter(Settings, strict=False, dec_hook=_decode)


def _explain(reason: str, section: dict[str, Any]) -> tuple[str, str]:
    """Translates msgspec's error ("Object contains unknown field `foo` - at `$.health`"): (message, hint)."""
    problem, _, path = reason.partition(" - at `")
    where = "x-videa" + path.rstrip("`").lstrip("$")
    if where.startswith("x-videa.notify"):
        if "matching regex" in problem:
            return f"{where}: this is no name of a variable", NAME_ONLY
        section = {}  # its content may be a secret
    unknown = re.search(r"unknown field `([^`]*)`", problem)
    if unknown:
        return f"{where}: unknown key {unknown[1]!r}", f"allowed here: {', '.join(_keys_at(where))}"
    if "Invalid enum value" in problem:
        return (
            f"{where}: {problem[0].lower()}{problem[1:]}",
            f"allowed: {', '.join(item.value for item in CHOICES[where.rpartition('.')[2]])}",
        )
    value = _value_at(path.rstrip("`"), section)
    given = f": {value!r}" if isinstance(value, str | int | float) and " is not a " not in problem else ""
    return (
        f"{where}: {problem[0].lower()}{problem[1:]}{given}",
        "see `videa config` for the effective values, and docs/x-videa.md for the section",
    )


def _value_at(path: str, section: Any) -> object:
    """The value at msgspec's path "$.canary.steps[1]"; None for an incomplete path such as "$[...]"."""
    for key, number in re.findall(r"\.(\w+)|\[([\d.]+)\]", path):
        if isinstance(section, dict):
            section = section.get(key)
        elif isinstance(section, list) and number.isdecimal():
            section = section[int(number)]
        else:
            return None
    value: object = section
    return value


def _keys_at(where: str) -> tuple[str, ...]:
    sections: dict[str, type[Section]] = {
        "x-videa.health": Health,
        "x-videa.canary": Canary,
        "x-videa.hooks": Hooks,
        "x-videa.proxy": Proxy,
        "x-videa.route": Route,
        "x-videa.autoscale": Autoscale,
        "x-videa.autoscale.target": Target,
        "x-videa.autoscale.up": ScaleUp,
        "x-videa.autoscale.down": ScaleDown,
        "x-videa.freeze": Freeze,
        "x-videa.update": Update,
        "x-videa.rollback": Update,
        "x-videa.tls": Tls,
        "x-videa.notify[...]": Receiver,
    }
    return sections.get(where.partition("[")[0], Settings).__struct_encode_fields__
