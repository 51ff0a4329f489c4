"""`docker videa`: what the docker command asks a plugin, and the link that makes videa one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.errors import UsageError
from videa_cli.docker_plugin import own_arguments
from videa_cli.exit_codes import ExitCode

ROOT = Path(__file__).parents[3]
PROGRAM = "import sys; from videa_cli.start import run; run()"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The link in the folder of docker's plugins, to a script as pip installs it."""
    script = tmp_path / "bin" / "videa"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\n{PROGRAM}\n")
    script.chmod(0o755)
    return tmp_path / "docker" / "cli-plugins" / "docker-videa"


def run(*command: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DOCKER_CONFIG": str(home / "docker"),
        "DOCKER_HOST": "unix:///nowhere.sock",
    }
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_is_installed_and_removed(tmp_path: Path, plugin: Path) -> None:
    script = tmp_path / "bin" / "videa"
    shown = run(script, "plugin", "install", "--dry-run", home=tmp_path)
    assert (shown.returncode, shown.stdout) == (0, f"would link {plugin} to {script}; nothing was changed\n")
    assert not plugin.parent.exists()
    assert run(script, "plugin", "install", home=tmp_path).returncode == 0
    assert plugin.resolve() == script
    assert "nothing to do" in run(script, "plugin", "install", home=tmp_path).stdout
    assert "would remove" in run(script, "plugin", "remove", "--dry-run", home=tmp_path).stdout
    assert plugin.exists()
    assert run(script, "plugin", "remove", home=tmp_path).returncode == 0
    assert not plugin.is_symlink()
    assert "nothing to do" in run(script, "plugin", "remove", home=tmp_path).stdout


def test_a_link_of_an_installation_that_is_gone_is_replaced(tmp_path: Path, plugin: Path) -> None:
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to("/gone/bin/videa")
    assert run(tmp_path / "bin" / "videa", "plugin", "install", home=tmp_path).returncode == 0
    assert plugin.exists()


@pytest.mark.parametrize("verb", ["install", "remove"])
def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path, plugin: Path, verb: str) -> None:
    plugin.parent.mkdir(parents=True)
    plugin.write_text("mine")
    refused = run(tmp_path / "bin" / "videa", "plugin", verb, home=tmp_path)
    assert (refused.returncode, plugin.read_text()) == (ExitCode.REFUSED, "mine")
    assert "is not a link to videa" in refused.stderr


def test_docker_gets_the_metadata_and_the_usage_names_docker(tmp_path: Path, plugin: Path) -> None:
    run(tmp_path / "bin" / "videa", "plugin", "install", home=tmp_path)
    answer = run(plugin, "docker-cli-plugin-metadata", home=tmp_path)
    assert set(json.loads(answer.stdout)) == {"SchemaVersion", "Vendor", "Version", "ShortDescription"}
    assert json.loads(answer.stdout)["SchemaVersion"] == "0.1.0"
    for words in (["videa", "scale", "--help"], ["help", "videa", "scale"], ["--context=x", "videa", "scale", "-h"]):
        shown = run(plugin, *words, home=tmp_path)
        assert shown.stdout.startswith("Usage: docker videa scale [OPTIONS]"), shown.stderr
    refused = run(plugin, "videa", "bogus", home=tmp_path)
    assert refused.returncode == ExitCode.USAGE
    assert "see docker videa --help" in refused.stderr


def test_the_metadata_needs_nothing_that_is_slow_to_load(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['docker-videa', 'docker-cli-plugin-metadata']\n"
        "from videa_cli.start import run; run()\n"
        "print({'typer', 'rich', 'docker', 'msgspec'} & sys.modules.keys())"
    )
    assert run(sys.executable, "-c", program, home=tmp_path).stdout.endswith("set()\n")


@pytest.mark.parametrize(
    ("line", "arguments", "environment"),
    [
        ("videa scale 3", "scale 3", {"DOCKER_HOST": "here"}),
        ("--context prod videa status", "status", {"DOCKER_CONTEXT": "prod"}),
        ("-c prod videa status", "status", {"DOCKER_CONTEXT": "prod"}),
        ("--host=ssh://far -D videa up", "up", {"DOCKER_HOST": "ssh://far"}),
        ("--config /c --log-level debug videa up", "up", {"DOCKER_HOST": "here", "DOCKER_CONFIG": "/c"}),
        ("--tlsverify videa up", "up", {"DOCKER_HOST": "here", "DOCKER_TLS_VERIFY": "1"}),
        ("videa exec -- docker -c x", "exec -- docker -c x", {"DOCKER_HOST": "here"}),
    ],
)
def test_the_options_of_docker_select_the_engine(line: str, arguments: str, environment: dict[str, str]) -> None:
    found = {"DOCKER_HOST": "here"}
    assert own_arguments(line.split(), found) == arguments.split()
    assert found == environment


def test_an_option_of_docker_without_a_meaning_for_videa_is_refused() -> None:
    with pytest.raises(UsageError, match="--tlscacert"):
        own_arguments(["--tlscacert", "ca.pem", "videa", "status"], {})
