"""The hooks of Compose in a container: ``post_start`` and ``pre_stop``.

Compose runs them only when it starts or stops the container itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ops.engine.client import Engine, engine_errors

INTERVAL = 0.1
"""Seconds between two checks of a running hook."""


def run_hooks(engine: Engine, container: str, name: str, hooks: Iterable[Mapping[str, Any]], timeout: float) -> str:
    """Runs the hooks of a running container one after the other, all in at most ``timeout`` seconds.

    ``name``: post_start or pre_stop. Returns why a hook has failed, "" if none; the hooks after it do not run. A hook
    that takes too long is left running: it ends with its container. Raises EngineError.
    """
    deadline = time.monotonic() + timeout
    for number, hook in enumerate(hooks, 1):
        code = _run(engine, container, hook, deadline)
        if code is None:
            return f"{name} hook {number} of {container} took over {timeout:g} s"
        if code:
            return f"{name} hook {number} of {container} failed with exit code {code}"
    return ""


def _run(engine: Engine, container: str, hook: Mapping[str, Any], deadline: float) -> int | None:
    """The exit code; None if the hook still runs at the deadline."""
    environment = {key: str(value) for key, value in (hook.get("environment") or {}).items() if value is not None}
    with engine_errors(f"run a hook in {container}"):
        api = engine.api
        created = api.exec_create(
            container,
            hook["command"],
            user=str(hook.get("user") or ""),
            privileged=bool(hook.get("privileged")),
            workdir=hook.get("working_dir"),
            environment=environment,
        )
        api.exec_start(created["Id"], detach=True)
        while True:
            state = api.exec_inspect(created["Id"])
            if not state["Running"] and state["ExitCode"] is not None:
                return int(state["ExitCode"])
            if time.monotonic() > deadline:
                return None
            time.sleep(INTERVAL)
