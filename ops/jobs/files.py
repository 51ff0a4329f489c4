"""Which folders of this machine a job sees, and which of them it may write. Pure, except for listing the folders."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from ops.project.config import Project

OWN = frozenset({"proc", "sys", "dev", "run", "tmp", "boot", "lost+found"})
"""Folders at the root that a container has itself or that no operation needs. `/tmp` is mounted as writable."""


def read_only(root: Path = Path("/")) -> tuple[str, ...]:
    """The folders of the machine with programs and files, as the job sees them."""
    return tuple(sorted(str(each) for each in root.iterdir() if each.name not in OWN and each.is_dir()))


def writable(project: Project, home: str) -> tuple[str, ...]:
    """The folders that an operation writes: the project's with `.env`, temporary files, Docker's client settings.

    Locks are files in the temporary folder: they show other processes of the machine that the job is alive.
    """
    folders = [project.directory, *(path.parent for path in project.env_files)]
    settings = project.environment.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    folders += [Path("/tmp"), Path(tempfile.gettempdir()), *([Path(settings)] if settings else [])]  # noqa: S108
    return tuple(sorted(_outermost(each.resolve() for each in folders if each.is_dir())))


def _outermost(folders: Iterable[Path]) -> set[str]:
    """The folders without those inside others."""
    unique = set(folders)
    return {str(each) for each in unique if not unique & set(each.parents)}
