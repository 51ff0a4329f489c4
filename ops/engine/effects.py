"""What a Compose command would do to what exists, and the only way to run one that starts something (invariant 0).

Compose decides by rules that differ between its versions which containers it recreates and which networks it makes
anew, so it is asked itself, by its ``--dry-run``, in a tenth of a second. Beside that each call is built so that it can
do as little as possible: with ``--no-deps``, for named services, and with ``--no-recreate`` where nothing is to change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ops.engine.compose import Compose, explain
from ops.errors import EngineError, PlanRefused

_KEEP_ORPHANS = {"COMPOSE_REMOVE_ORPHANS": "false"}
"""Containers of services that are not in the file, such as those of a service that was renamed, may serve."""

_LINE = re.compile(r"\b(Container|Network|Volume)\s+\"?([^\s\"]+)\"?\s+([A-Z]\w+)")
_ENDING = re.compile(r"Recreat|Stop|Kill|Remov|Restart|Disconnect")
"""How the progress of a resource begins that exists and is taken away, if only for a moment."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What Compose would do to one resource. ``kind``: Container, Network or Volume; ``verb``: Compose's own word."""

    kind: str
    name: str
    verb: str

    @property
    def ending(self) -> str:
        """How the resource, which exists, would end, as ``_ENDING`` has it; empty when it would not."""
        found = _ENDING.match(self.verb)
        return found[0] if found else ""


def read_effects(progress: str) -> list[Effect]:
    """The effects in the progress that Compose reports, 2.22 to today."""
    return [Effect(*found.groups()) for line in progress.splitlines() if (found := _LINE.search(line))]


def harm(effects: Iterable[Effect], allowed: Collection[str] = ()) -> list[Effect]:
    """Those effects that end something other than the containers ``allowed``; the last for each resource."""
    ended: dict[str, Effect] = {}
    for effect in effects:
        if effect.ending and not (effect.kind == "Container" and effect.name in allowed):
            ended[effect.name] = effect
    return list(ended.values())


def as_preview(arguments: Iterable[str]) -> list[str]:
    """The arguments of a preview: nothing is started in it, as Compose would wait for what it has not really made.

    All that Compose ends it has ended before it starts anything.
    """
    passed_over = iter(arguments)
    shown = []
    for argument in passed_over:
        if argument == "--wait-timeout":
            next(passed_over)
        elif argument == "--detach":
            shown.append("--no-start")
        elif argument != "--wait":
            shown.append(argument)
    return shown


def foresee(compose: Compose, arguments: Iterable[str], overrides: Mapping[str, str]) -> list[Effect]:
    """What ``docker compose ARGUMENTS`` would do, without doing it.

    Raises EngineError and its kinds, also when it cannot be known: then the command must not be run.
    """
    answer = compose.dry_run(*as_preview(arguments), overrides={**overrides, **_KEEP_ORPHANS})
    effects = read_effects(answer.stderr + answer.stdout)
    # Compose cannot play the copying of a config with `content` into a container that it has not really made. By then
    # it has told what becomes of networks, volumes and running containers.
    if answer.returncode and not any(effect.kind == "Container" for effect in effects):
        raise explain("up", answer.stderr)
    if not effects:
        raise EngineError(
            "it cannot be known what Compose would do, so it was not asked to do it",
            "see `docker compose version`: 2.22 or newer is needed",
            answer.stderr,
        )
    return effects


def check_harmless(
    compose: Compose, arguments: Iterable[str], overrides: Mapping[str, str], allowed: Collection[str] = ()
) -> None:
    """Refuses a command that would end anything but the containers ``allowed``. Raises PlanRefused, EngineError."""
    effects = harm(foresee(compose, arguments, overrides), allowed)
    if effects:
        raise refusal(effects)


def run_harmless(
    compose: Compose,
    arguments: Collection[str],
    overrides: Mapping[str, str],
    allowed: Collection[str] = (),
    permit: Callable[[], None] = lambda: None,
) -> None:
    """Runs a Compose command that ends nothing but the containers ``allowed``.

    ``permit``: is asked at the last moment, and raises when it must not be run any more. Raises PlanRefused when it
    would end something else, and then nothing was changed; EngineError and its kinds.
    """
    check_harmless(compose, arguments, overrides, allowed)
    permit()
    compose.run(*arguments, overrides={**overrides, **_KEEP_ORPHANS})


def refusal(effects: Collection[Effect]) -> PlanRefused:
    """The error that names what Compose would end, and how to do it on purpose."""
    containers = [effect.name for effect in effects if effect.kind == "Container"]
    shared = [effect for effect in effects if effect.kind != "Container"]
    if shared:
        what = ", ".join(f"{effect.kind.lower()} {effect.name}" for effect in shared)
        stopped = f"stop {', '.join(containers)} and " if containers else ""
        return PlanRefused(
            f"the {what} differs from the Compose file, and Compose would {stopped}make it anew",
            "nothing was changed; put its definition back, or take the stack down and up in a quiet hour: videa down, "
            "then videa up",
        )
    return PlanRefused(
        f"Compose would {effects_in_words(effects)}, which was not asked for",
        "nothing was changed; `docker compose up --dry-run` shows why; to do it on purpose: docker compose up -d "
        "--no-deps SERVICE",
    )


def effects_in_words(effects: Iterable[Effect]) -> str:
    """ "recreate shop-web-1, remove shop-web-2"."""
    words = {"Recreat": "recreate", "Remov": "remove"}
    return ", ".join(f"{words.get(effect.ending, 'stop')} {effect.name}" for effect in effects)
