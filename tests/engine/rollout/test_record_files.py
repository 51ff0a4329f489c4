"""The files of records on a real engine: what prune commands, an older videa and a crash leave of them."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator

import msgspec
import pytest

from ops.engine import marker, record_files
from ops.engine.client import Engine
from ops.factory import connect
from ops.platform.compose.store import EngineStore
from ops.rollout.entries import Header, encode
from ops.rollout.journal import Journal
from ops.steps import Target

HEADER = Header("videa scale 3", "me@here", 1.0, 3, Target("a", "app:a"), ("app-1",), ("app-1",), {})


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture
def project(engine: Engine) -> Iterator[str]:
    """The name of a project of its own."""
    name = f"videa-test-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    Journal(EngineStore(engine), name).discard()
    EngineStore(engine).drop(f"videa.history.{name}")


def prune(engine: Engine, label: str) -> None:
    """`docker volume prune --all`, of the volumes with this label only."""
    filters = msgspec.json.encode({"label": [label]}).decode()
    assert engine.api.request("POST", "/volumes/prune", {"filters": filters}).status == 200


def test_no_volume_prune_removes_a_journal_or_a_document(engine: Engine, project: str) -> None:
    store, history = EngineStore(engine), f"videa.history.{project}"
    Journal(store, project).begin(HEADER)
    assert store.save(history, b"content", 0)
    record = store.find(f"videa.journal.{project}")
    assert record
    prune(engine, f"{record_files.NAME}={record.id}")
    prune(engine, f"videa.document={history}")
    state = Journal(store, project).read()
    assert state
    assert state.header == HEADER
    assert store.load(history).content == b"content"


def test_the_journal_of_an_older_videa_is_read_and_resumed(engine: Engine, project: str) -> None:
    """It has its entries in files of the marker."""
    store = EngineStore(engine)
    record = store.create(f"videa.journal.{project}", {"videa.journal": project})
    assert record
    packed, entry = io.BytesIO(), encode(HEADER)
    with tarfile.open(fileobj=packed, mode="w") as archive:
        file = tarfile.TarInfo(f"{marker.FOLDER}/000000")
        file.size = len(entry)
        archive.addfile(file, io.BytesIO(entry))
    engine.api.put_archive(record, "/", packed.getvalue())

    journal = Journal(store, project)
    found = journal.read()
    assert found
    assert found.header == HEADER
    journal.reopen()
    journal.write(HEADER)
    again = Journal(store, project).read()
    assert again
    assert (again.header, again.earlier[0].header) == (HEADER, HEADER)


def test_the_files_of_a_pruned_record_are_removed_with_the_next_journal(engine: Engine, project: str) -> None:
    store = EngineStore(engine)
    record = store.create(f"videa.journal.{project}", {})
    assert record
    assert store.write(record, {"000000": b"one"})
    marker.remove(engine, record)  # `docker container prune`, or a kill -9 in the middle of a removal
    assert engine.api.volumes(filters={"label": f"{record_files.NAME}={record}"})["Volumes"]

    Journal(store, project).begin(HEADER)
    assert not engine.api.volumes(filters={"label": f"{record_files.NAME}={record}"})["Volumes"]


def test_a_late_write_into_a_removed_record_leaves_nothing(engine: Engine, project: str) -> None:
    store = EngineStore(engine)
    record = store.create(f"videa.journal.{project}", {})
    assert record
    assert store.write(record, {"000000": b"one"})
    store.remove(record)
    assert not store.write(record, {"000001": b"late"})
    assert not engine.api.volumes(filters={"label": f"{record_files.NAME}={record}"})["Volumes"]
