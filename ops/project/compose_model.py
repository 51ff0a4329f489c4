"""The merged Compose model as Compose prints it. The only module that reads YAML."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ops.engine.compose import Compose
from ops.errors import ConfigError


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads Compose's output, which is YAML 1.2: "2020-13-45", "=", "<<", "1:30" and dates are strings."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (as its base has it)
    yaml_constructors: dict[str | None, Any] = {}  # noqa: RUF012

    def number(self, node: yaml.ScalarNode) -> int | float | str:
        """A 64-bit integer or float, as in Compose; digits that fit neither are a string."""
        text = str(node.value)
        if len(text) <= INTEGER_DIGITS and INTEGER.fullmatch(text) and -(2**63) <= (integer := int(text)) < 2**64:
            return integer
        number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
        return text if math.isinf(number) and "inf" not in text else number

    def binary(self, node: yaml.ScalarNode) -> str:
        """Text with bytes that are not UTF-8, as the engine gets it."""
        return base64.b64decode(node.value).decode(errors="replace")


INTEGER = re.compile(r"[-+]?[0-9]+")
INTEGER_DIGITS = len(str(-(2**63)))
for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", INTEGER.pattern, list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)
for _tag, _constructor in (
    ("null", lambda loader, node: None),
    ("bool", lambda loader, node: node.value == "true"),
    ("int", _Loader.number),
    ("float", _Loader.number),
    ("binary", _Loader.binary),
    ("str", _Loader.construct_yaml_str),
    ("seq", _Loader.construct_yaml_seq),
    ("map", _Loader.construct_yaml_map),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _constructor)
_Loader.add_constructor(None, _Loader.construct_undefined)


def read_model(compose: Compose, interpolate: bool = True) -> Mapping[str, Any]:
    """The merged model, with variables interpolated or as written. Raises ConfigError."""
    return parse(compose.config(interpolate), interpolate)


def parse(text: str, interpolated: bool) -> Mapping[str, Any]:
    """The model in Compose's output, which doubles each ``$`` if variables are interpolated. Raises ConfigError."""
    try:
        model = yaml.load(text.replace("$$", "$") if interpolated else text, Loader=_Loader)  # noqa: S506 (it is safe)
        if isinstance(model, dict) and isinstance(model.get("services"), dict):
            return model
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            "the output of `docker compose config` cannot be read",
            "check whether a part of the file is nested very deeply",
            str(error),
        ) from error
    raise ConfigError("the Compose file has no services", "`docker compose config` shows what Compose reads")
