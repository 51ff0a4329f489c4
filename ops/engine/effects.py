"""The effects of a Compose command on existing resources, and the only way to run one that starts something.

Compose's rules for which containers and networks it recreates differ between its versions. Therefore each command is
first run with ``--dry-run``, which takes a tenth of a second, and refused if it would end something (invariant 0). In
addition, each command is restricted as far as possible: it has ``--no-deps``, names its services, and has
``--no-recreate`` if no existing container should change.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from ops.engine.compose import PLAIN, Compose, explain
from ops.errors import EngineError, PlanRefused

FRESH = 2.0
"""Seconds for which a preview is valid. Compose itself needs up to one second to reach its first change."""

_LINE = re.compile(r"\b(Container|Network|Volume)\s+\"?([^\s\"]+)\"?\s+([A-Z]\w+)")
_ENDING = re.compile(r"Recreat|Stop|Kill|Remov|Restart|Disconnect")
"""Prefixes of the progress words for an existing resource that ends, even for a moment."""


class Effect(msgspec.Struct, frozen=True):
    """A change of a resource by Compose. ``kind``: Container, Network or Volume; ``verb``: Compose's progress word."""

    kind: str
    name: str
    verb: str

    @property
    def ending(self) -> str:
        """How the existing resource would end, as a prefix of ``_ENDING``; empty if it stays."""
        match = _ENDING.match(self.verb)
        return match[0] if match else ""


@dataclass
class Previews:
    """The last preview that found no harm, so that the command that follows it does not need a second preview.

    ``clock``: seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _last: tuple[object, float] | None = field(default=None, init=False)

    def keep(self, command: object) -> None:
        self._last = command, self.clock()

    def take(self, command: object) -> bool:
        """Whether the last preview was of this command and is younger than FRESH. A preview is used only once."""
        last, self._last = self._last, None
        return last is not None and last[0] == command and self.clock() - last[1] < FRESH


def read_effects(progress: str) -> list[Effect]:
    """The effects in the progress output of Compose 2.22 and later."""
    return [Effect(*match.groups()) for line in progress.splitlines() if (match := _LINE.search(line))]


def harm(effects: Iterable[Effect], allowed: Collection[str] = ()) -> list[Effect]:
    """The effects that end anything except the containers in ``allowed``; the last one for each resource."""
    ended: dict[str, Effect] = {}
    for effect in effects:
        if effect.ending and not (effect.kind == "Container" and effect.name in allowed):
            ended[effect.name] = effect
    return list(ended.values())


def as_preview(arguments: Iterable[str]) -> list[str]:
    """The arguments of a preview, which omits the start: Compose would wait for containers that do not really exist.

    This is enough, because Compose ends resources before it starts any.
    """
    remaining = iter(arguments)
    preview = []
    for argument in remaining:
        if argument == "--wait-timeout":
            next(remaining)
        elif argument == "--detach":
            preview.append("--no-start")
        elif argument != "--wait":
            preview.append(argument)
    return preview


def foresee(compose: Compose, arguments: Iterable[str], overrides: Mapping[str, str]) -> list[Effect]:
    """The effects that ``docker compose ARGUMENTS`` would have. Changes nothing.

    Raises EngineError and its subclasses, also if the effects cannot be determined: the command must not run then.
    """
    answer = compose.dry_run(*as_preview(arguments), overrides=overrides)
    effects = read_effects(answer.stderr + answer.stdout)
    # A dry run fails when it copies a config with `content` into a container that does not really exist. By then, the
    # effects on networks, volumes and running containers are reported.
    if answer.returncode and not any(effect.kind == "Container" for effect in effects):
        raise explain("up", answer.stderr)
    if not effects:
        raise EngineError(
            "Compose does not report what it would do, so the command was not run",
            "check `docker compose version`: 2.22 or newer is required",
            answer.stderr,
        )
    return effects


def check_harmless(
    compose: Compose, arguments: Iterable[str], overrides: Mapping[str, str], allowed: Collection[str] = ()
) -> None:
    """Refuses a command that would end anything except the containers ``allowed``. Raises PlanRefused, EngineError."""
    effects = harm(foresee(compose, arguments, overrides), allowed)
    if effects:
        raise refusal(effects)


def run_harmless(
    compose: Compose,
    arguments: Collection[str],
    overrides: Mapping[str, str],
    allowed: Collection[str] = (),
    permit: Callable[[], object] = lambda: None,
    checked: bool = False,
) -> list[Effect]:
    """Runs a Compose command that ends nothing except the containers ``allowed``. Returns the effects that it had.

    ``permit``: called immediately before the command; raises if it must not run any more. ``checked``: a preview has
    just shown that it ends nothing. Raises PlanRefused, without any change, if the command would end something else,
    EngineError and its subclasses.
    """
    if not checked:
        check_harmless(compose, arguments, overrides, allowed)
    permit()
    return read_effects(compose.run(*arguments, overrides={**overrides, **PLAIN}))


def refusal(effects: Collection[Effect]) -> PlanRefused:
    """The error with the resources that Compose would end, and with the command to do so intentionally."""
    containers = [effect.name for effect in effects if effect.kind == "Container"]
    shared = [effect for effect in effects if effect.kind != "Container"]
    if shared:
        what = ", ".join(f"{effect.kind.lower()} {effect.name}" for effect in shared)
        stopped = f"stop {', '.join(containers)} and " if containers else ""
        return PlanRefused(
            f"the {what} differs from the Compose file, and Compose would {stopped}recreate it",
            "Compose was not run; restore its definition, or stop and start the stack at a quiet time: videa down, "
            "then videa up",
        )
    return PlanRefused(
        f"Compose would also {effects_in_words(effects)}",
        "Compose was not run; `docker compose up --dry-run` shows why; to do this intentionally: docker compose up -d "
        "--no-deps SERVICE",
    )


def effects_in_words(effects: Iterable[Effect]) -> str:
    """ "recreate shop-web-1, remove shop-web-2"."""
    verbs = {"Recreat": "recreate", "Remov": "remove"}
    return ", ".join(f"{verbs.get(effect.ending, 'stop')} {effect.name}" for effect in effects)
