"""The action in docs/github-action.yml: its script, with an ssh that runs the command here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from videa_cli.commands import Commands

ROOT = Path(__file__).parents[3]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "github-action.yml").read_text())
(STEP,) = ACTION["runs"]["steps"]

SSH = """#!/bin/sh
for last; do :; done
exec sh -c "$last"
"""
VIDEA = """#!/bin/sh
echo "$(basename "$(pwd)") $*" >&2
echo '{"type": "outcome", "exit_code": 6, "error": "no", "hint": "yes"}'
exit 6
"""


def test_its_options_exist() -> None:
    known = {option for each in Commands()["deploy"].params for option in each.opts}
    used = re.findall(r"(?<![\w-])--[a-z-]+", re.search(r"deploy=\((.*)\)", STEP["run"])[1])  # type: ignore[index]
    assert set(used) <= known
    strategies = ACTION["inputs"]["strategy"]["description"].replace(",", " ").replace(" or ", " ").split()
    assert {f"--{name}" for name in strategies} <= known


def test_every_input_is_used_and_none_is_part_of_the_script() -> None:
    assert {re.sub(r"\W", "", value) for value in STEP["env"].values()} == {
        re.sub(r"\W", "", f"inputs.{name}") for name in ACTION["inputs"]
    }
    assert "${{" not in STEP["run"]


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_it_deploys_in_the_folder_and_ends_with_the_exit_code(tmp_path: Path) -> None:
    folder = tmp_path / "my shop"
    folder.mkdir()
    for name, script in (("ssh", SSH), ("videa", VIDEA)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    given = {**dict.fromkeys(STEP["env"], ""), "FOLDER": str(folder), "IMAGE": "app:4 2", "STRATEGY": "canary"}
    given |= {"LOCK_WAIT": "15m", "HOST": "me@there", "SERVICE": "web", "RUNNER_TEMP": str(tmp_path)}
    outputs = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]],
        env={**os.environ, **given, **outputs, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert done.stderr == "my shop deploy --canary --image app:4 2 --lock-wait 15m --json=events web\n"
    assert Path(outputs["GITHUB_STEP_SUMMARY"]).read_text() == "**Deploy failed:** no\n\nyes\n"
    events = dict(line.split("=") for line in Path(outputs["GITHUB_OUTPUT"]).read_text().splitlines())
    assert events["exit-code"] == "6"
    assert json.loads(Path(events["events"]).read_text())["hint"] == "yes"
    assert not list(tmp_path.glob("tmp*/key"))
