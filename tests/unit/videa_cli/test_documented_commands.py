"""Every command in the documents and in the examples of the help is one that its program accepts."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ops.project.section import problems
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


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_shell_understands_every_block_in_a_document(page: Path) -> None:
    for block in blocks(page, "sh"):
        checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{block}{checked.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_of_make_and_every_module_in_a_document_exists(page: Path) -> None:
    code = "\n".join((*blocks(page, "sh"), *re.findall(r"`([^`\n]+)`", page.read_text())))
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?<![\w-])make ([a-z-]+)", code):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"python -m ((?:bench|server|videa_cli)[\w.]*)", code):
        assert (ROOT / f"{name.replace('.', '/')}.py").exists() or (ROOT / name / "__main__.py").exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_yaml_block_is_yaml_and_its_x_videa_is_valid(page: Path) -> None:
    for block in blocks(page, "yaml"):
        model = yaml.safe_load(block)
        for section in sections(model):
            assert problems(section) == [], block


def sections(model: Any) -> list[dict[str, Any]]:
    """The x-videa sections of a document: at the top, and at services."""
    if not isinstance(model, dict):
        return []
    places = [model, *(model.get("services") or {}).values()]
    return [place["x-videa"] for place in places if isinstance(place, dict) and isinstance(place.get("x-videa"), dict)]
