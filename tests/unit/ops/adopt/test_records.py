"""Services that read the env file in which videa records."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.adopt.detect import Found, Role
from ops.adopt.notes import Weight
from ops.adopt.overlay import write
from ops.adopt.plan import Adoption, Choice, plan
from ops.adopt.records import hide, readers
from ops.adopt.write import install
from ops.project.plain import load_plain
from tests.unit.ops.adopt.test_overlay import read
from tests.unit.ops.adopt.test_propose import SHELL, proposal

ENV = Path("/shop/.env")
SERVICES = {
    "web": {"env_file": [{"path": "/shop/.env", "required": True}], "environment": {"WEB_REPLICAS": "mine"}},
    "worker": {"env_file": ["/shop/.env"], "restart": "always"},
    "db": {"env_file": "/shop/.env"},
    "cache": {"env_file": [{"path": "/shop/cache.env"}]},
}


def adoption() -> Adoption:
    model = {"services": SERVICES}
    found = [Found("worker", Role.WORKER, "")]
    return plan(Choice("web", 8000, {}), found, model, model, (), "balancer", "videa-nginx:1")


def test_only_the_file_in_which_videa_records_counts() -> None:
    assert readers(SERVICES, ENV) == {"web", "worker", "db"}


def test_each_reader_gets_empty_values_but_for_what_it_sets_itself() -> None:
    services = read(write(hide(adoption(), SERVICES, readers(SERVICES, ENV), ENV)))["services"]
    common = {"COMPOSE_FILE": "", "VIDEA_RELEASE": "", "WORKER_REPLICAS": ""}
    assert services["web"]["environment"] == common
    assert services["worker"]["environment"] == services["db"]["environment"] == {**common, "WEB_REPLICAS": ""}
    assert "cache" not in services


def test_it_says_whose_container_changes_once() -> None:
    notes = hide(adoption(), SERVICES, readers(SERVICES, ENV), ENV, {"web", "db"}).notes
    weights = {note.key[1]: note.weight for note in notes if note.key[-1:] == ("env_file",)}
    assert weights == {"db": Weight.ADVICE, "web": Weight.SOLVED, "worker": Weight.SOLVED}


def test_what_videa_records_does_not_change_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "compose.yaml").write_text(
        "services:\n  web: {image: app, env_file: .env, ports: ['80:80']}\n  db: {image: postgres, env_file: .env}\n"
    )
    monkeypatch.chdir(tmp_path)
    plain = load_plain((), None, SHELL)
    found = proposal(plain)
    install(plain, found.after, found.variables)
    compose = load_plain((), None, SHELL).with_overlay(plain.overlay)
    before = compose.config_hashes()
    with (tmp_path / ".env").open("a") as file:
        file.write("VIDEA_RELEASE=\nWEB_REPLICAS=1\n")
    assert load_plain((), None, SHELL).with_overlay(plain.overlay).config_hashes() == before
