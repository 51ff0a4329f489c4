"""The table of commands: complete, in order, and imports only the command that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from videa_cli import commands
from videa_cli.commands import TABLE, Commands
from videa_cli.summaries import SUMMARIES

ROOT = Path(__file__).parents[3]
PROGRAM = "from videa_cli.start import run; run()"


def python(program: str, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )
    return done.stdout


def test_the_table_matches_the_files() -> None:
    files = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__"}
    assert {target.partition(":")[0] for target in TABLE.values()} == files


@pytest.mark.parametrize("name", TABLE)
def test_each_entry_is_a_command_with_that_name(name: str) -> None:
    command = Commands()[name]
    assert command.name == name
    assert command.help


def test_the_help_lists_the_commands_in_the_order_of_the_table() -> None:
    listed = python(PROGRAM, "--help").partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line.strip()] == list(TABLE)


def test_the_help_lists_each_command_with_its_own_first_paragraph() -> None:
    assert list(SUMMARIES) == list(TABLE)
    for name, summary in SUMMARIES.items():
        first = (Commands()[name].help or "").strip().partition("\n\n")[0]
        assert summary == " ".join(first.split())


def test_each_line_of_the_help_is_whole_at_80_columns() -> None:
    listed = python(PROGRAM, "--help", COLUMNS="80").partition("Commands:")[2]
    assert "init" in listed
    assert "..." not in listed


def test_the_help_imports_no_command() -> None:
    program = PROGRAM.replace("run()", "\ntry: run()\nexcept SystemExit: pass\n")
    program += "import sys; print(sorted(name for name in sys.modules if name.startswith('videa_cli.commands.')))"
    assert python(program, "--help").splitlines()[-1] == "[]"


def test_a_command_imports_no_other_command() -> None:
    program = (
        "import sys; sys.argv = ['videa', 'status', '--help']\n"
        "from videa_cli.start import run\n"
        "try: run()\nexcept SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name.startswith('videa_cli.commands.')))"
    )
    assert python(program).splitlines()[-1] == "['videa_cli.commands.status']"


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("videa s", 1, {"scale", "status", "stats", "swarm"}),
        ("videa lock ", 2, {"status", "release"}),
        ("videa deploy --ca", 2, {"--canary"}),
    ],
)
def test_the_shell_completes_commands_and_options(words: str, place: int, expected: set[str]) -> None:
    shown = python(
        "import sys; sys.argv = ['videa']; from videa_cli.start import run; run()",
        _VIDEA_COMPLETE="complete_bash",
        COMP_WORDS=words,
        COMP_CWORD=str(place),
    )
    assert set(shown.split()) == expected


def test_a_misspelt_command_gets_a_suggestion() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "stauts"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "'status'" in done.stderr
