"""The history: common to all folders of a project, bounded, without secrets, with the entries of an older videa."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ops.project.private import private_file
from ops.rollout import history
from ops.rollout.history import DONE, MOST, MOST_BYTES, Entry, append, of, read, secrets_of, take_over
from ops.stack import Stack
from tests.unit.ops.fakes import APP, FakeStack, fake_stack


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def entry(number: int, release: str = "", action: str = "scale", **variables: str) -> Entry:
    image = f"shop:{release}"
    return Entry(
        *(
            float(number),
            "me@laptop",
            f"videa {action} {number}",
            action,
            DONE,
            release or "r",
            image,
            "sha256:1",
            2,
            1.0,
        ),
        variables=variables,
        service=APP,
    )


def elsewhere(stack: FakeStack, folder: Path) -> Stack:
    """The same project on the same engine, in another folder."""
    folder.mkdir()
    return dataclasses.replace(stack, project=dataclasses.replace(stack.project, directory=folder))


def of_older_videa(stack: Stack, *entries: Entry) -> Path:
    path = private_file(stack.project.directory, "history.jsonl")
    path.parent.mkdir()
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in entries))
    return path


def commands(stack: Stack) -> list[str]:
    return [each.command for each in read(stack)]


def stored(stack: FakeStack) -> str:
    return "".join(document.content.decode() for document in stack.store.documents.values())


def test_another_folder_of_the_project_sees_it_and_nothing_is_written_into_either(
    stack: FakeStack, tmp_path: Path
) -> None:
    append(stack, entry(1, "a", "rolling", TAG="1"))
    other = elsewhere(stack, tmp_path / "clone")
    append(other, entry(2))
    assert read(stack) == read(other) == [entry(1, "a", "rolling", TAG="1"), entry(2)]
    assert not (tmp_path / ".videa").exists()
    assert not list((tmp_path / "clone").iterdir())


def test_each_folders_file_of_an_older_videa_is_taken_over_once_and_stays(stack: FakeStack, tmp_path: Path) -> None:
    other = elsewhere(stack, tmp_path / "clone")
    path = of_older_videa(stack, entry(1), entry(3))
    before = path.read_bytes()
    of_older_videa(other, entry(2))
    append(other, entry(4))
    assert commands(stack) == [f"videa scale {number}" for number in (1, 2, 3, 4)]
    assert commands(other) == [f"videa scale {number}" for number in (2, 4)]
    for _ in range(2):
        take_over(stack)
        assert commands(other) == [f"videa scale {number}" for number in (1, 2, 3, 4)]
    assert path.read_bytes() == before
    with path.open("ab") as file:  # that videa is used again
        file.write(b'damaged\n{"command": "\xff"}\n' + msgspec.json.encode(entry(5)) + b"\n")
    append(stack, entry(6))
    assert commands(other) == [f"videa scale {number}" for number in range(1, 7)]


def test_taking_over_writes_nothing_if_there_is_nothing_new(stack: FakeStack) -> None:
    of_older_videa(stack, entry(1))
    take_over(stack)
    before = dict(stack.store.documents)
    take_over(stack)
    assert stack.store.documents == before


def test_an_entry_of_a_newer_videa_is_kept_as_it_is(stack: FakeStack) -> None:
    append(stack, entry(1))
    newer = {**msgspec.to_builtins(entry(2)), "region": "eu"}
    other_way = b'{"kind": "another", "time": 3}'
    (name,) = stack.store.documents
    content = stack.store.load(name)
    stack.store.save(name, content.content + b"\n" + json.dumps(newer).encode() + b"\n" + other_way, content.version)
    append(stack, entry(4))
    assert commands(stack) == ["videa scale 1", "videa scale 2", "videa scale 4"]
    assert '"region": "eu"' in stored(stack)
    assert other_way.decode() in stored(stack)


def test_an_entry_of_an_older_videa_belongs_to_the_default_service(stack: FakeStack) -> None:
    of_older_videa(stack, replace(entry(1), service=""), replace(entry(2), service="another"))
    assert [each.time for each in of(stack)] == [1.0]


SECRETS = {
    "API_TOKEN": "Zq81kV",
    "DATABASE_URL": "postgres://app:Zq81kV@db/app",
    "LOGIN": "host=db password=Zq81kV",
    "QUEUE": "--channel Zq81kV",
    "STRIPE": "sk_live_Zq81kVZq81kVZq81kV",
}
PUBLIC = {"APP_IMAGE": "shop:a", "LEVEL": "info", "EMPTY_TOKEN": "", "TOKEN_TAG": "a", "COMMIT": "4f2d9c81" * 5}


@pytest.mark.parametrize("by_older_videa", [False, True])
def test_secret_values_stay_in_the_folder(stack: FakeStack, tmp_path: Path, by_older_videa: bool) -> None:
    deployed = entry(1, "a", "rolling", **SECRETS, **PUBLIC)
    if by_older_videa:
        of_older_videa(stack, deployed)
        take_over(stack)
    else:
        append(stack, deployed)
    assert "Zq81kV" not in stored(stack)
    other = elsewhere(stack, tmp_path / "clone")
    (seen,) = read(other)
    assert (seen.variables, sorted(seen.secrets)) == (PUBLIC, sorted(SECRETS))
    assert secrets_of(stack.project, seen) == SECRETS
    assert secrets_of(other.project, seen) == {}
    for path in (tmp_path / ".videa").glob("secrets*"):
        assert path.stat().st_mode & 0o077 == 0
        assert (path.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("by_older_videa", [False, True])
def test_the_values_after_a_failed_deploy_are_not_those_of_its_release(stack: FakeStack, by_older_videa: bool) -> None:
    well = entry(1, "a", "rolling", API_TOKEN="of a")
    failed = replace(entry(2, "a", "rolling", API_TOKEN="of another"), result="not ready")
    if by_older_videa:
        of_older_videa(stack, well, failed)
    else:
        append(stack, well)
        append(stack, failed)
    assert secrets_of(stack.project, read(stack)[0]) == {"API_TOKEN": "of a"}


def test_it_is_bounded_and_keeps_the_deploys_that_a_rollback_needs(stack: FakeStack) -> None:
    append(stack, entry(0, "first", "rolling"))
    append(stack, entry(1, "second", "rolling"))
    for number in range(2, 2 * MOST):
        append(stack, entry(number))
    entries = read(stack)
    assert len(entries) == MOST
    assert [each.release for each in history.releases(entries)] == ["second", "first"]
    assert entries[-1] == entry(2 * MOST - 1)


def test_it_is_bounded_in_bytes_also_with_a_deploy_that_failed_with_a_long_error(stack: FakeStack) -> None:
    append(stack, entry(0, "first", "rolling"))
    for number in range(1, 8):
        append(stack, replace(entry(number), result="x" * (MOST_BYTES // 3)))
    assert len(stored(stack)) <= MOST_BYTES
    assert commands(stack) == ["videa rolling 0", "videa scale 6", "videa scale 7"]


def test_of_releases_deployed_again_and_again_the_first_name_of_the_image_stays(stack: FakeStack) -> None:
    for number in range(2 * MOST):
        append(stack, replace(entry(number, "ab"[number % 2], "rollback"), image=f"shop:{number}"))
    images = [each.image for each in read(stack)]
    assert (images[:2], images[-1]) == (["shop:0", "shop:1"], f"shop:{2 * MOST - 1}")
