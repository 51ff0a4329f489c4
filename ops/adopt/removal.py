"""Undoes `videa init`: which variables are removed from .env together with the overlay."""

from __future__ import annotations

from ops.adopt import overlay
from ops.adopt.parts import recorded_variables
from ops.errors import ConfigError
from ops.project.folder import OVERLAY
from ops.project.plain import Plain


def removal(plain: Plain) -> dict[str, str | None]:
    """The changes of .env when the overlay is removed; None removes a variable. Raises ConfigError."""
    text = plain.overlay_text()
    if not text and not plain.adopted:
        raise ConfigError(f"there is no {OVERLAY} in {plain.folder}", "nothing to do: plain Compose runs this project")
    service = str(overlay.section(text).get("service"))
    recorded = set(recorded_variables(service, overlay.others(text), overlay.workers(text)))
    users = str(plain.raw)
    own = {name for name in overlay.variables(text) & recorded if name not in users}
    files = None if plain.by_default else plain.separator.join(plain.files)
    return {"COMPOSE_FILE": files, **dict.fromkeys(sorted(own), None)}
