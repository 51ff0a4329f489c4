"""The user's files merged with a proposed overlay, as Compose reads them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.adopt import overlay
from ops.adopt.plan import Adoption
from ops.adopt.routes import without_variables
from ops.project.compose_model import read_model
from ops.project.folder import OVERLAY
from ops.project.managed import read_managed, site
from ops.project.pins import check_writable
from ops.project.plain import Plain
from ops.project.sections import find_sections


def literally(raw: Mapping[str, Any], model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model ``raw``, in which the parts that an overlay repeats have values instead of variables."""
    services = {name: without_variables(raw["services"][name], spec) for name, spec in model["services"].items()}
    return {**raw, "services": services}


def balancer_of(plain: Plain, adoption: Adoption) -> object:
    """The balancer as Compose reads it. Raises ConfigError."""
    return _merged(plain, overlay.write(adoption))["services"][adoption.balancer]


def _merged(plain: Plain, text: str) -> Mapping[str, Any]:
    """The project with an overlay, as Compose reads it. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="videa-init-") as folder:
        path = Path(folder) / OVERLAY
        path.write_text(text, encoding="utf-8")
        return read_model(plain.with_overlay(path))


def check(plain: Plain, text: str, variables: Mapping[str, str | None]) -> None:
    """Checks that Compose and videa accept the overlay, and that .env can store its variables. Raises ConfigError."""
    check_writable(plain.project, {name: value for name, value in variables.items() if value is not None})
    model = _merged(plain, text)
    sections = find_sections(model)
    site(read_managed(model, sections), sections.default)
