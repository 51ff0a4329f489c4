"""Hooks of Compose, which videa runs when it starts or stops a container itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.engine import hooks, replicas
from ops.errors import EngineError
from tests.unit.ops.engine.test_replicas import details

HOOKS = [{"command": ["leave"], "user": "root", "environment": {"A": "b"}}, {"command": ["flush"], "working_dir": "/w"}]
SERVICES = {"app": {"pre_stop": HOOKS, "post_start": HOOKS}}


class Engine:
    """Records calls. ``codes``: exit codes of the hooks in turn, None for one that does not end."""

    def __init__(self, *codes: int | None, oneoff: bool = False, grace: int | None = 0, running: bool = True) -> None:
        self.codes, self.calls = list(codes), list[Any]()
        self.details = details(Running=running)
        self.details["Config"]["StopTimeout"] = grace
        self.details["Config"]["Labels"]["com.docker.compose.oneoff"] = str(oneoff)
        self.api, self.sdk = self, SimpleNamespace(api=self)

    def inspect_container(self, name: str) -> dict[str, Any]:
        return self.details

    def exec_create(self, container: str, command: list[str], **options: Any) -> dict[str, str]:
        self.calls.append((*command, options["user"], options["workdir"], options["environment"]))
        return {"Id": "exec"}

    def exec_start(self, name: str, detach: bool) -> None:
        assert detach

    def exec_inspect(self, name: str) -> dict[str, Any]:
        code = self.codes[0]
        if code is not None:
            self.codes.pop(0)
        return {"Running": code is None, "ExitCode": code}

    def start(self, name: str) -> None:
        self.calls.append("start")

    def stop(self, name: str, timeout: int) -> None:
        self.calls.append(("stop", timeout))


RUN = [("leave", "root", None, {"A": "b"}), ("flush", "", "/w", {})]


def stop(engine: Any, at_most: int | None = None) -> str:
    return replicas.stop(engine, "app-1", at_most, SERVICES)


def test_hooks_run_before_the_stop_signal() -> None:
    engine = Engine(0, 0, grace=None)
    assert stop(engine) == ""
    assert engine.calls == [*RUN, ("stop", replicas.DEFAULT_GRACE)]


def test_a_container_is_stopped_even_if_a_hook_fails_or_does_not_end() -> None:
    failing, endless = Engine(3, grace=30), Engine(None)
    assert stop(failing, at_most=5) == "pre_stop hook 1 of app-1 failed with exit code 3"
    assert failing.calls == [RUN[0], ("stop", 5)]
    assert stop(endless) == "pre_stop hook 1 of app-1 took over 0 s"
    assert endless.calls == [RUN[0], ("stop", 0)]


@pytest.mark.parametrize("engine", [Engine(oneoff=True), Engine(running=False)], ids=["one-off", "exited"])
def test_only_a_running_container_of_the_service_has_hooks(engine: Engine) -> None:
    assert stop(engine) == ""
    assert engine.calls == [("stop", 0)]


def test_hooks_run_after_a_start_but_not_in_a_container_that_was_running() -> None:
    engine: Any = Engine(0, 0, running=False)
    replicas.start(engine, "app-1", SERVICES)
    assert engine.calls == ["start", *RUN]
    running: Any = Engine()
    replicas.start(running, "app-1", SERVICES)
    assert running.calls == ["start"]


def test_a_start_fails_with_its_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "INTERVAL", 0.0)
    engine: Any = Engine(1, running=False)
    with pytest.raises(EngineError, match="post_start hook 1 of app-1 failed with exit code 1"):
        replicas.start(engine, "app-1", SERVICES)
