"""A file that stands for gigabytes does not take the machine with it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bench.temporary_stack import videa_command
from ops.engine.compose import Compose
from ops.project.compose_model import read_model

ROOT = Path(__file__).parents[2]

GUARD = 3 << 30
"""Bytes of data for videa and each process below it, in case that its own bound fails: the machine must survive."""


def bomb(folder: Path, depth: int) -> Path:
    lines = ['x-0: &a0 ["lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol"]']
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, depth)]
    path = folder / "bomb.yml"
    path.write_text("\n".join([*lines, "services: {backend: {image: x}, nginx: {image: x}}", "x-videa: {}"]) + "\n")
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "5 MB"])
def test_an_env_file_without_an_end_is_refused_before_compose_reads_it(kind: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {backend: {image: x}, nginx: {image: x}}\nx-videa: {}\n")
    env_file = tmp_path / ".env"
    if kind == "pipe":
        os.mkfifo(env_file)
    elif kind == "device":
        env_file.symlink_to("/dev/zero")
    else:
        env_file.write_bytes(b"A=1\n" * (5 << 18))
    done = subprocess.run(
        [videa_command(), "config"], cwd=tmp_path, capture_output=True, text=True, timeout=15, check=False
    )
    assert done.returncode == 3, done.stderr
    assert ".env is" in done.stderr


VALUES = ["2026-13-45", "=", "9" * 5000, "1e999", "0x1F", "<<", "1:30", '"a$$b"', "~"]


def test_a_value_is_what_compose_means(tmp_path: Path) -> None:
    """By Compose's own JSON, which has the top-level sections, though not those of a service."""
    lines = [f"x-{number}: {written}" for number, written in enumerate(VALUES)]
    (tmp_path / "compose.yml").write_text("\n".join(["services: {a: {image: x}}", *lines]) + "\n")
    compose = Compose((), None, tmp_path, dict(os.environ))
    command = compose.command("config", "--format", "json")
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    meant, read = json.loads(told.replace("$$", "$")), read_model(compose)
    for number, written in enumerate(VALUES):
        assert read[f"x-{number}"] == meant[f"x-{number}"], written


IMPATIENT = """
from msgspec.structs import replace
from ops.engine import compose
from videa_cli.start import run
compose.READING = replace(compose.READING, seconds=4)
run()
"""
"""videa that gives Compose less time: how much is of no interest here, and all of it is spent on both cores."""


def test_aliases_of_aliases_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb(tmp_path, depth=9)
    for name in ("GOGC", "GOMEMLIMIT"):  # set by tests/conftest.py
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run(
        ["prlimit", f"--data={GUARD}", sys.executable, "-c", IMPATIENT, "-f", "bomb.yml", "config"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "could not read bomb.yml within" in done.stderr
    assert "Traceback" not in done.stderr
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert used < GUARD / 3
