"""Whatever is typed or written: a documented exit code, two lines of error, no traceback. bench/fuzz.py goes on longer.

The examples are the same in each run; bench/fuzz.py takes others each time.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ops.factory
from bench import inputs
from bench.inputs import Answer
from ops import measuring
from ops.errors import ConfigError, EngineUnreachable
from ops.project import compose_model, dotenv, loading
from ops.project.folder import read_env_file
from ops.project.pins import remember
from tests.unit.ops.disturbances import shrink_environment
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.compose import FakeCompose
from tests.unit.ops.fakes.gateway import NoTraffic
from videa_cli import main
from videa_cli.context import Options

many = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


IN_MEMORY = {
    *("scale", "deploy", "plan", "promote", "abort", "rollback", "history", "lock", "maintenance", "status", "stats"),
    "config",
}
"""Commands that the fakes of the ports suffice for; of the others only the options are read."""
WAITS = {"--canary", "--blue-green"}
"""Deploys that wait for traffic, or for a time that was given."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No traffic to watch, few variables, and a folder for locks."""
    shrink_environment(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A new folder as the current one."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield Path(name)


def nowhere() -> FakeStack:
    """The stack of a command that the fakes do not suffice for."""
    raise EngineUnreachable("there is no engine", "this is a test")


def run(arguments: list[str], find: Callable[[], FakeStack]) -> Answer:
    """Runs a command line on the stack that ``find`` finds or makes."""
    found = cache(find)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["videa", *arguments])
        patch.setattr(os, "nice", lambda _: 0)
        patch.setattr(Options, "load", lambda _: found().project)
        patch.setattr(Options, "stack", lambda _: found())
        patch.setattr(ops.factory, "connect", lambda *_, **__: nowhere())
        patch.setattr(ops.factory, "open_store", lambda *_, **__: found().store)
        code = main._run(arguments)
    return Answer(code, *(_written(stream) for stream in (out, err)))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.buffer.seek(0)
    return stream.buffer.read().decode()


@many
@given(inputs.command_lines())
@example(["-p", "caf\udce9", "scale", "3"])
@example(["scale", "\uff19"])
@example(["scale", "a\nb"])
def test_any_command_line(arguments: list[str]) -> None:
    if WAITS & set(arguments):
        arguments.append("--dry-run")
    with folder() as here:
        stack = fake_stack(here)
        answer = run(arguments, (lambda: stack) if IN_MEMORY & set(arguments) else nowhere)
    assert not answer.complaint(arguments), answer


@dataclass
class WrittenCompose(FakeCompose):
    """Compose that answers with a given model."""

    model: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)

    def config(self, interpolate: bool = True) -> str:
        text = str(yaml.safe_dump(self.model if interpolate else self.raw))
        return text.replace("$", "$$") if interpolate else text


def on(model: dict[str, Any], raw: dict[str, Any], command: list[str]) -> Answer:
    """What a command answers in a folder with this Compose model."""
    with folder() as here, pytest.MonkeyPatch.context() as patch:
        (here / "compose.yml").touch()
        compose = WrittenCompose(here, model=model, raw=raw)
        patch.setattr(loading, "Compose", lambda *_, **__: compose)
        return run(command, lambda: replace(fake_stack(here), project=loading.load()))


OTHERS = {"nginx": {"image": "nginx"}, "db": {}}


@many
@given(inputs.sections(), st.booleans(), st.sampled_from([["config"], ["config"], ["config", "--json"], ["plan"]]))
@example({"shared_volumes": ["[/x]"]}, True, ["config"])
@example({"drain_timeout": "9" * 5000 + "h"}, False, ["plan"])
def test_any_section(section: object, top: bool, command: list[str]) -> None:
    app = {"image": "app:old"} if top else {"image": "app:old", "x-videa": section}
    written = {"service": "app", **section} if isinstance(section, dict) else section
    model = {"name": "shop", "services": {"app": app, **OTHERS}, **({"x-videa": written} if top else {})}
    answer = on(model, model, command)
    assert not answer.complaint(command), answer


COMMANDS = ["config"], ["plan"], ["scale", "3"], ["deploy", "--image", "app:new"], ["status", "--json"], ["rollback"]


@many
@given(inputs.services(), inputs.raw_services(), inputs.services(), st.sampled_from(COMMANDS))
@example({"environment": {"DATABASE_URL": f"postgresql://db?connection_limit={'9' * 5000}"}}, {}, {}, ["plan"])
@example({}, {"labels": ["videa.release=${A}", "x"], "scale": "${A:-3}"}, {}, ["scale", "3"])
def test_any_model(service: dict[str, Any], raw: dict[str, Any], balancer: dict[str, Any], command: list[str]) -> None:
    def whole(app: dict[str, Any]) -> dict[str, Any]:
        return {"name": "shop", "services": {"app": {**app, "x-videa": {}}, **OTHERS, "nginx": balancer}}

    answer = on(whole(service), whole(raw), command)
    assert not answer.complaint(command), answer


@many
@given(st.text() | inputs.VALUES.map(yaml.safe_dump), st.booleans())
def test_any_output_of_compose(text: str, interpolated: bool) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(compose_model.parse(text, interpolated)["services"], dict)


@many
@given(inputs.env_files(), st.sampled_from(["3", "", "a b", "it's\n", "\\", "$A", "\u2028"]))
@example("X='a\nREP=1\n'\x0c\nREP=2\u2028\n# caf\udce9", "3")
def test_any_env_file_is_changed_in_one_place_only(text: str, value: str) -> None:
    try:
        before = dotenv.values(text, {})
    except ConfigError:
        return
    with folder() as here:
        file = here / "real.env"
        file.write_bytes(text.encode(errors="surrogateescape"))
        link = here / ".env"
        link.symlink_to(file.name)
        remember(link, {"REP": value})
        after = read_env_file(link)
        assert link.is_symlink()
        assert dotenv.values(after, {})["REP"] == value
        others = [text[item.begin : item.end] for item in dotenv.assignments(text) if item.name != "REP"]
        assert [after[item.begin : item.end] for item in dotenv.assignments(after) if item.name != "REP"] == others
        if before.get("REP") == value:
            assert after == text
        elif "REP" not in [item.name for item in dotenv.assignments(text)]:
            assert after.startswith(text)
