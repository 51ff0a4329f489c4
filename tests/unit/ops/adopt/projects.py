"""The projects of tests/projects, as Compose reads them, and what init proposes for one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.adopt.propose import Proposal, propose
from ops.adopt.wanted import About, Wanted
from ops.errors import UsageError
from ops.project.plain import Plain, load_plain
from tests.unit.ops.fakes import fake_stack

PROJECTS = Path(__file__).parents[3] / "projects"
ENV = "PYTHON=videa/python\nNGINX=videa/nginx\nREDIS=videa/redis:8\nCOMPOSE_PROFILES=shop\n"
SHELL = {name: os.environ[name] for name in ("PATH", "HOME", "GOGC", "GOMEMLIMIT") if name in os.environ}


def nobody(about: About, question: str, answers: Sequence[str]) -> str:
    raise UsageError(question, ", ".join(answers))


def plain_project(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plain:
    place = folder / f"a {name}"
    shutil.copytree(PROJECTS / name, place)
    (place / ".env").write_text(ENV)
    monkeypatch.chdir(place)
    return load_plain((), None, SHELL)


def proposal(plain: Plain, wanted: Wanted | None = None) -> Proposal:
    return propose(plain, fake_stack(plain.folder.parent, replicas=0), wanted or Wanted(), nobody)
