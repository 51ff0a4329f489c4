"""The effects in Compose's dry-run output, and which of them are refused. The output is of Compose 2.26 and 2.40."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.engine.compose import Compose, more_arguments, up_arguments
from ops.engine.effects import FRESH, Effect, Previews, as_preview, check_harmless, harm, read_effects, run_harmless
from ops.errors import EngineError, ImageUnavailable, LockHeld, PlanRefused

UP = ["up", "--detach", "web"]
MORE = """
 DRY-RUN MODE -  Container shop-web-1  Running
 DRY-RUN MODE -  Container shop-web-2  Creating
 DRY-RUN MODE -  Container shop-web-2  Created
 DRY-RUN MODE -  Container shop-web-2  Starting
 DRY-RUN MODE -  Container shop-web-2  Started
"""
NETWORK = """
 DRY-RUN MODE -  Container shop-web-1  Stopping
 DRY-RUN MODE -  Container shop-web-1  Stopped
 DRY-RUN MODE -  Network shop_default  Removed
"""
RECREATE = """
 DRY-RUN MODE -  Container shop-web-1  Recreate
 DRY-RUN MODE -  Container shop-web-1  Recreated
 DRY-RUN MODE -  Container shop-worker-1  Running
 DRY-RUN MODE -  Container 4ffb3a844c2b_shop-web-1  Starting
 DRY-RUN MODE -  Container 4ffb3a844c2b_shop-web-1  Started
"""
FEWER = """
 DRY-RUN MODE -  Container shop-web-3  Stopping
 DRY-RUN MODE -  Container shop-web-3  Removing
 DRY-RUN MODE -  Container shop-web-3  Removed
"""
VOLUME = """
 DRY-RUN MODE -  Container shop-web-1  Removed
 DRY-RUN MODE -  Volume "shop_data"  Removed
"""
COPY_FAILS = """
 DRY-RUN MODE -  Container shop-web-2  Creating
 DRY-RUN MODE -  Container shop-web-2  Created
  DRY-RUN MODE -  Could not find the file / in container shop-web-2
"""


def compose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: str = "", code: int = 0, version: str = "2.40.3"
) -> Compose:
    """A docker command that prints ``dry`` in a dry run, and otherwise records its arguments and environment."""
    (tmp_path / "dry").write_text(dry)
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\ncase " $* " in\n*" --dry-run "*) cat {tmp_path}/dry >&2; exit {code};;\n'
        f'*" version "*) echo {version};;\n'
        f'*) echo "$COMPOSE_REMOVE_ORPHANS $COMPOSE_PROGRESS $*" >> {tmp_path}/ran\n'
        f'printf " Container shop-web-2  Creating\\n Container shop-web-2  Created\\n" >&2;;\nesac\n'
    )
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    return Compose((), None, tmp_path, {"PATH": path, "COMPOSE_REMOVE_ORPHANS": "1", "COMPOSE_PROGRESS": "json"})


def test_new_resources_are_harmless() -> None:
    assert Effect("Container", "shop-web-2", "Creating") in read_effects(MORE)
    assert harm(read_effects(MORE)) == []


@pytest.mark.parametrize(
    ("progress", "ended"),
    [
        (NETWORK, ["shop-web-1", "shop_default"]),
        (RECREATE, ["shop-web-1"]),
        (FEWER, ["shop-web-3"]),
        (VOLUME, ["shop-web-1", "shop_data"]),
    ],
)
def test_the_end_of_an_existing_resource_is_harm(progress: str, ended: list[str]) -> None:
    assert [effect.name for effect in harm(read_effects(progress))] == ended


@pytest.mark.parametrize("verb", ["Recreate", "Stopping", "Killing", "Removing", "Restarting", "Disconnecting"])
@pytest.mark.parametrize("kind", ["Container", "Network", "Volume"])
def test_every_word_for_an_end_is_harm(kind: str, verb: str) -> None:
    assert harm(read_effects(f" DRY-RUN MODE -  {kind} shop_web  {verb}"))


def test_containers_can_be_allowed_but_not_networks() -> None:
    assert harm(read_effects(RECREATE), ["shop-web-1"]) == []
    assert [effect.kind for effect in harm(read_effects(NETWORK), ["shop-web-1", "shop_default"])] == ["Network"]


@pytest.mark.parametrize(
    ("progress", "message"),
    [
        (NETWORK, "network shop_default differs from the Compose file, and Compose would stop shop-web-1"),
        (RECREATE, "Compose would also recreate shop-web-1"),
        (FEWER, "Compose would also remove shop-web-3"),
    ],
)
def test_a_harmful_command_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, progress: str, message: str
) -> None:
    with pytest.raises(PlanRefused, match=message) as refused:
        run_harmless(compose(tmp_path, monkeypatch, progress), UP, {})
    assert "Compose was not run" in refused.value.hint
    assert not (tmp_path / "ran").exists()


def test_a_harmless_command_is_run_reports_its_effects_and_never_removes_orphans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects = run_harmless(compose(tmp_path, monkeypatch, MORE), UP, {})
    assert (tmp_path / "ran").read_text() == "false plain compose --ansi never up --detach web\n"
    assert effects == [Effect("Container", "shop-web-2", verb) for verb in ("Creating", "Created")]


def test_a_command_that_is_no_longer_permitted_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = compose(tmp_path, monkeypatch, MORE)

    def permit() -> None:
        raise LockHeld("lost", "")

    with pytest.raises(LockHeld):
        run_harmless(command, UP, {}, permit=permit)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("version", "no_deps"),
    [("2.22.0", ""), ("2.26.1-4", ""), ("2.29.2", ""), ("v2.29.3", "--no-deps "), ("5.0.0", "--no-deps ")],
)
def test_an_older_compose_never_gets_no_deps_because_it_would_change_the_config_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, no_deps: str
) -> None:
    command = compose(tmp_path, monkeypatch, version=version)
    rest = "--no-recreate --no-build --pull missing --scale web=2 web"
    assert " ".join(more_arguments(command, "web", 2, start=False)) == f"up --no-start {no_deps}{rest}"
    assert " ".join(more_arguments(command, "web", 2, start=True)) == f"up --detach {no_deps}{rest}"
    scale = "" if no_deps else "--scale web=3 "
    up = " ".join(up_arguments(command, ["worker"], "--no-recreate", scale={"web": 3}))
    assert up == f"up --detach {no_deps}--no-recreate {scale}worker"


def test_the_service_is_never_scaled_to_the_number_in_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = up_arguments(compose(tmp_path, monkeypatch), ["db", "web"], scale={"web": 3})
    assert arguments == ["up", "--detach", "--no-deps", "--scale", "web=3", "db", "web"]


def test_a_preview_starts_nothing_and_does_not_wait() -> None:
    arguments = ["up", "--detach", "--no-deps", "--wait", "--wait-timeout", "60", "worker"]
    assert as_preview(arguments) == ["up", "--no-start", "--no-deps", "worker"]
    assert as_preview(["up", "--no-start", "web"]) == ["up", "--no-start", "web"]


def test_a_dry_run_that_fails_to_copy_a_config_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_harmless(compose(tmp_path, monkeypatch, COPY_FAILS, code=1), UP, {})


@pytest.mark.parametrize("dry", ["", "unknown words\n"])
def test_a_command_with_unknown_effects_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: str) -> None:
    with pytest.raises(EngineError, match="does not report what it would do"):
        run_harmless(compose(tmp_path, monkeypatch, dry), UP, {})
    assert not (tmp_path / "ran").exists()


def test_a_failed_dry_run_raises_the_same_error_as_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageUnavailable):
        check_harmless(compose(tmp_path, monkeypatch, "pull access denied for app", code=1), ["up"], {})


def test_a_preview_counts_once_and_only_for_the_command_that_follows_it_at_once() -> None:
    now = [0.0]
    previews = Previews(lambda: now[0])
    assert not previews.take("up web=3")
    previews.keep("up web=3")
    assert previews.take("up web=3")
    assert not previews.take("up web=3")
    previews.keep("up web=3")
    assert not previews.take("up web=4")
    previews.keep("up web=3")
    now[0] = FRESH
    assert not previews.take("up web=3")


def test_a_checked_command_runs_without_another_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = compose(tmp_path, monkeypatch, RECREATE)
    with pytest.raises(PlanRefused):
        run_harmless(refusing, UP, {})
    assert run_harmless(refusing, UP, {}, checked=True)
