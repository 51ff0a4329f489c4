"""One-off tasks: a service with one task that is not replaced when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ops.errors import EngineError
from ops.swarm.definitions import Definitions
from ops.swarm.services import Services
from ops.swarm.spec import Wanted, service_spec


def run_task(
    services: Services,
    definitions: Definitions,
    wanted: Wanted,
    name: str,
    command: tuple[str, ...],
    timeout: float,
    last_words: Callable[[str], str],
) -> None:
    """Runs a command in a task like ``wanted``, at most ``timeout`` seconds. Raises EngineError if it fails."""
    services.remove(name)
    spec = service_spec(
        definitions.model, replace(wanted, name=name, command=command, running=True, once=True, oneoff=True)
    )
    services.create(spec)
    try:
        ended = services.await_end(name, timeout)
        if ended.state != "exited":
            services.stop(name)
            raise EngineError(f"`{command[0]}` took over {timeout:g} s", "see its log")
        if ended.exit_code or ended.health_output:
            words = last_words(name)
            last = words.splitlines()[-1][:300] if words else "it printed nothing"
            raise EngineError(f"`{command[0]}` failed with exit code {ended.exit_code}: {last}", "see its log", words)
    finally:
        services.remove(name)
