"""The merged Compose model as Compose prints it. The only module that reads YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ops.engine.compose import Compose
from ops.errors import ConfigError


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads plain scalars as Compose's YAML 1.2 writes them: "2020-13-45", "=" and "1:30" are strings."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (as its base has it)


for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def read_model(compose: Compose, interpolate: bool = True) -> Mapping[str, Any]:
    """The merged model, with variables interpolated or as written. Raises ConfigError."""
    return parse(compose.config(interpolate), interpolate)


def parse(text: str, interpolated: bool) -> Mapping[str, Any]:
    """The model in Compose's output, which doubles each ``$`` if variables are interpolated. Raises ConfigError."""
    try:
        model = yaml.load(text, Loader=_Loader)  # noqa: S506 (it is a SafeLoader)
        if isinstance(model, dict) and isinstance(model.get("services"), dict):
            return _single_dollars(model) if interpolated else model
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            "the output of `docker compose config` cannot be read",
            "check whether a part of the file is nested very deeply",
            str(error),
        ) from error
    raise ConfigError("the Compose file has no services", "`docker compose config` shows what Compose reads")


def as_mapping(value: object) -> Mapping[str, Any]:
    """Labels or variables, written as a mapping or as a list of "NAME=value", as a mapping."""
    if isinstance(value, dict):
        return value
    pairs = (str(item).partition("=") for item in value) if isinstance(value, list) else ()
    return {name: text if sign else None for name, sign, text in pairs}


def _single_dollars(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _single_dollars(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_single_dollars(part) for part in value]
    return value.replace("$$", "$") if isinstance(value, str) else value
