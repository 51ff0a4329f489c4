"""Every `videa` command in the documents and in the examples of the help is one that videa accepts."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.videa_cli.test_reference import PAGES, ROOT
from videa_cli.main import app

ENDS = re.compile(r"[|;>&]|2>|\|\||&&|>\S+")
"""A word of the shell after which the command has ended."""

PASS_ON = ("exec", "run")
"""Commands that pass on the options after their first argument."""

PLACEHOLDER = re.compile(r"\[.*\]|\.\.\.")


def commands(page: Path) -> list[str]:
    """Those in sentences, and those in blocks: after assignments of variables, without an explanation in a column."""
    text = page.read_text()
    blocks = "\n".join(re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL))
    in_blocks = re.findall(r"^ *(?:\$ )?(?:[A-Z_]+=\S+ )*(videa [^A-Z\n].*?)(?:   .*)?$", blocks, re.MULTILINE)
    return [*dict.fromkeys((*re.findall(r"`(videa [a-z-][^`\n]*)`", text), *in_blocks))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_videa_knows_every_command_and_option_in_a_document(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # without a project, in which a command could do something
    monkeypatch.setattr(os, "environ", dict(os.environ))  # --env-file and --profile are passed on in it
    for line in commands(page):
        words = [word for word in shlex.split(line, comments=True) if not PLACEHOLDER.fullmatch(word)]
        end = next((number for number, word in enumerate(words) if word == "--" or ENDS.fullmatch(word)), len(words))
        place = 2 if words[1] in PASS_ON else end
        asked = CliRunner().invoke(app, [*words[1:place], "--help", *words[place:end]])
        assert asked.exit_code == 0, f"{line}: {asked.output}"
