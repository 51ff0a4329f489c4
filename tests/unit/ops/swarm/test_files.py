"""Secrets and configs of the Compose file as objects of a swarm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.errors import ConfigError
from ops.swarm.files import HAD_BY, SOURCE, files_of, object_name, unused


def model(**top: Any) -> dict[str, Any]:
    service = {
        "secrets": [
            {"source": "db", "target": "/run/secrets/db"},
            {"source": "tok", "target": "/etc/tok", "mode": "0400", "uid": "7"},
        ],
        "configs": [{"source": "page"}, {"source": "given", "target": "/etc/given"}],
    }
    return {"services": {"web": service, "plain": {}}, **top}


def all_of(folder: Path, **variables: str) -> list[Any]:
    (folder / "db.txt").write_bytes(b"one\n")
    top = {
        "secrets": {"db": {"file": str(folder / "db.txt")}, "tok": {"environment": "TOK"}},
        "configs": {"page": {"content": "hello"}, "given": {"external": True, "name": "of-others"}},
    }
    return list(files_of(model(**top), "shop", "web", variables.get))


def test_every_source_of_a_file_is_read(tmp_path: Path) -> None:
    db, tok, page, given = all_of(tmp_path, TOK="abc")
    assert (db.data, tok.data, page.data, given.data) == (b"one\n", b"abc", b"hello", None)
    assert (db.target, page.target, given.target) == ("/run/secrets/db", "/page", "/etc/given")
    assert (tok.mode, tok.uid, db.mode, db.uid) == (0o400, "7", 0o444, "0")
    assert given.name == "of-others"
    assert list(files_of(model(), "shop", "plain", {}.get)) == []


def test_the_name_follows_the_content_and_shows_nothing_of_it(tmp_path: Path) -> None:
    first, again, other = (all_of(tmp_path, TOK=value)[1] for value in ("abc", "abc", "xyz"))
    assert first.name == again.name != other.name
    assert first.name.startswith("shop_tok_")
    assert "abc" not in repr(first)
    assert len(object_name("shop", "long" * 30, b"")) <= 64


def test_a_file_that_cannot_be_had_is_an_error_without_a_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"secrets\.tok is the variable TOK, which is not set"):
        all_of(tmp_path)
    top = {"secrets": {"db": {"file": str(tmp_path / "none")}}}
    with pytest.raises(ConfigError, match=r"secrets\.db: cannot read"):
        list(files_of(model(**top), "shop", "web", {}.get))


def stored(number: int, source: str = "secrets.db") -> dict[str, Any]:
    at = f"2026-11-26T10:00:{number:02}.5Z"
    return {"ID": f"id{number}", "CreatedAt": at, "Spec": {"Labels": {SOURCE: source}}}


def user(*secrets: str) -> dict[str, Any]:
    return {"Spec": {"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretID": each} for each in secrets]}}}}


def test_what_a_retained_release_had_stays_for_a_rollback() -> None:
    objects = [stored(number) for number in range(1, 5)]
    objects[0]["Spec"]["Labels"][f"{HAD_BY}web/r1"] = ""
    assert unused(objects, [], ["web/r1", "web/r2"]) == ["id2"]
    assert unused(objects, [], ["mail/r1", "web/r2"]) == ["id2", "id1"]


def test_the_version_before_stays_for_a_rollback() -> None:
    objects = [stored(1), stored(2), stored(3), stored(4), stored(5, "secrets.tok")]
    assert unused(objects, [user("id4")]) == ["id2", "id1"]
    assert unused(objects, [user("id4"), user("id1")]) == ["id2"]
    assert unused(objects, [user("id3")]) == ["id2", "id1"], "the replicas before are still stopping"
