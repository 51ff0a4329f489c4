"""Which values are in effect, and where they come from: the environment, an env file or the Compose file."""

from __future__ import annotations

from ops.project import dotenv
from ops.project.config import Project
from ops.project.folder import read_env_file
from ops.project.image_template import names_in
from ops.project.mappings import as_mapping
from ops.project.settings import effective


def read_env_value(project: Project, variable: str) -> tuple[str | None, str]:
    """A variable as Compose sees it: (value, "environment", ".env" or "default"). Raises ConfigError."""
    if variable in project.environment:
        return project.environment[variable], "environment"
    value = env_file_values(project).get(variable)
    return value, "default" if value is None else ".env"


def env_file_values(project: Project) -> dict[str, str]:
    """The variables in the project's env files. Raises ConfigError if one cannot be read."""
    values: dict[str, str] = {}
    for path in project.env_files:
        values |= dotenv.values(read_env_file(path), {**values, **project.environment})
    # The journal and the history can store only UTF-8.
    return {name: value.encode(errors="surrogateescape").decode(errors="replace") for name, value in values.items()}


def effective_values(project: Project) -> list[tuple[str, str, str]]:
    """Every effective setting of videa: (key, value, source), without secrets. Raises ConfigError."""
    pins = project.pins
    rows = [("project", project.name, "Compose file"), ("folder", str(project.directory), "Compose file")]
    for key, variable, value in (
        ("image", pins.image, project.image),
        ("replicas", pins.replicas, str(project.replicas)),
        ("release", pins.release, as_mapping(project.service.get("labels")).get("videa.release") or "-"),
    ):
        used = sorted(names_in(project.image_template)) if key == "image" else [variable] if variable else []
        source = ", ".join(f"{name}: {read_env_value(project, name)[1]}" for name in used) or "Compose file"
        rows.append((key, value, source))
    return rows + effective(project.settings, dict(project.written))
