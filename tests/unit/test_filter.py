"""compose/setup/filter.sh with an iptables that only remembers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "compose" / "setup" / "filter.sh"
IPTABLES = """#!/bin/sh
state=$(dirname "$0")/rules
touch "$state"
action=$1
shift
case $action in
    -C) grep -qxF -- "$*" "$state" ;;
    -I) { echo "$*"; cat "$state"; } > "$state.new" && mv "$state.new" "$state" ;;
    -D) grep -vxF -- "$*" "$state" > "$state.new"; mv "$state.new" "$state" ;;
esac
"""
SAVE = '#!/bin/sh\nsed "s/^/-A /" "$(dirname "$0")/rules" 2>/dev/null\n'
DOCKER = '#!/bin/sh\n[ "$5" = mozi_edge ] && echo 0123456789abcdef\n'


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    for name, text in (("iptables", IPTABLES), ("iptables-save", SAVE), ("docker", DOCKER)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "COMPOSE_PROJECT_NAME": "mozi"}

    def run(*arguments: str) -> str:
        done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    return run


def test_what_answers_is_let_out_before_the_rest_is_dropped(run: Callable[..., str], tmp_path: Path) -> None:
    run("apply")
    rules = (tmp_path / "rules").read_text().splitlines()
    for chain, allowed in (("DOCKER-USER", "RETURN"), ("INPUT", "ACCEPT")):
        of_bridge = [rule for rule in rules if rule.startswith(f"{chain} -i br-0123456789ab ")]
        assert [rule.split()[-1] for rule in of_bridge] == [allowed, "DROP"]
        assert "--ctstate ESTABLISHED,RELATED" in of_bridge[0]
    (bound,) = [rule for rule in rules if "connlimit" in rule]
    assert "-o br-0123456789ab" in bound
    assert "--connlimit-above 1000 --connlimit-mask 32" in bound


def test_twice_is_once_and_removing_leaves_nothing(run: Callable[..., str], tmp_path: Path) -> None:
    run("apply")
    once = (tmp_path / "rules").read_text()
    run("apply")
    assert (tmp_path / "rules").read_text() == once
    run("remove")
    assert (tmp_path / "rules").read_text() == ""


def test_it_is_offered_for_as_long_as_it_is_not_applied(run: Callable[..., str], tmp_path: Path) -> None:
    assert "filter.sh apply" in run("offer")
    assert not (tmp_path / "rules").exists()
    assert [line.split()[:2] for line in run("show").splitlines()] == [["iptables", "-I"]] * 5
    run("apply")
    assert run("offer") == ""
