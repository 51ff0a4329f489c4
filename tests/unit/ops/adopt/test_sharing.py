"""Volumes that replicas may write at the same time: what the user says, when asked and by --share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ops.adopt.propose import Proposal, propose
from ops.adopt.wanted import Wanted
from ops.adopt.write import install
from ops.errors import UsageError
from ops.project.plain import Plain, load_plain
from tests.unit.ops.adopt.projects import nobody
from tests.unit.ops.fakes import fake_stack

FILE = """
services:
  web:
    image: shop
    restart: always
    ports: ["8000:8000"]
    volumes: ["uploads:/app/uploads", "cache:/app/cache"]
  queue:
    image: shop
    restart: always
    command: celery worker
    volumes: ["spool:/spool"]
volumes: {uploads: , cache: , spool: }
"""


def no(question: str) -> bool:
    return False


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plain:
    monkeypatch.delenv("COMPOSE_FILE", raising=False)
    (tmp_path / "compose.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return load_plain((), None)


def proposed(plain: Plain, *share: str, agree: Callable[[str], bool] = no) -> Proposal:
    return propose(plain, fake_stack(plain.folder, replicas=0), Wanted(share=frozenset(share)), nobody, agree)


def obstacles(found: Proposal) -> list[str]:
    return [note.change for note in found.adoption.notes if "second replica, because" in note.what]


def sections(found: Proposal) -> dict[str, list[str]]:
    """The volumes that replicas may share, of each service in the overlay."""
    text = yaml.load(found.after.replace("!reset", ""), yaml.SafeLoader)
    every = {name: part.get("x-videa", {}) for name, part in text["services"].items()} | {"web": text["x-videa"]}
    return {name: own["shared_volumes"] for name, own in every.items() if "shared_volumes" in own}


def test_without_an_answer_nothing_is_shared_and_the_option_is_named(plain: Plain) -> None:
    found = proposed(plain)
    assert sections(found) == {}
    assert [change.rpartition(": ")[2] for change in obstacles(found)] == [
        "videa init --share /app/uploads",
        "videa init --share /app/cache",
    ]


def test_the_option_allows_the_volumes_of_any_service(plain: Plain) -> None:
    found = proposed(plain, "/app/uploads", "spool")
    assert sections(found) == {"web": ["/app/uploads"], "queue": ["/spool"]}
    assert "queue" in found.adoption.workers
    assert [change.rpartition(" ")[2] for change in obstacles(found)] == ["/app/cache"]


def test_each_undecided_volume_of_a_service_with_requests_is_asked_for(plain: Plain) -> None:
    questions: list[str] = []

    def uploads(question: str) -> bool:
        questions.append(question)
        return "uploads at" in question

    assert sections(proposed(plain, agree=uploads)) == {"web": ["/app/uploads"]}
    assert len(questions) == 2
    questions.clear()
    proposed(plain, "/app/uploads", "/app/cache", agree=uploads)
    assert questions == []


def test_a_later_run_adds_to_the_list(plain: Plain) -> None:
    first = proposed(plain, "/app/uploads")
    install(plain, first.after, first.variables)
    again = load_plain((), None)
    assert sections(proposed(again)) == {"web": ["/app/uploads"]}
    assert sections(proposed(again, "/app/cache", "/spool")) == {
        "web": ["/app/uploads", "/app/cache"],
        "queue": ["/spool"],
    }


def test_a_path_that_no_service_writes_is_refused(plain: Plain) -> None:
    with pytest.raises(UsageError, match="--share /uploads: no service writes a volume there") as refused:
        proposed(plain, "/uploads")
    assert "/app/cache, /app/uploads, /spool" in str(refused.value.hint)
