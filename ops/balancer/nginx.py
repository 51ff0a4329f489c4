"""Changes of nginx that either serve or leave what was there: test, swap, reload, confirm, restore (invariant 2)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ops.balancer import scripts
from ops.balancer.render import parse, render, switched
from ops.errors import BalancerError, ConfigRefused, EngineError, EngineUnreachable
from ops.events import Emit, RequestsCut, nobody
from ops.models import ExecResult
from ops.platform.ports import Platform, Stream
from ops.traffic import Applied, Look, Maintenance, Membership, Upstream

OLDEST_NGINX = (1, 28)
"""Older ones have no keepalive_min_timeout: their reloads cut requests."""

CONFIRM_LOOKS = 300
"""How often APPLY asks which generation serves, about 30 ms apart, until the reload counts as failed."""

DRAIN_SLICE = 2.0
"""Seconds that one exec of DRAIN may look, well below the engine's own time limit of a call."""

RESTART_GRACE = 15.0
"""Seconds that nginx's container may need to come back when it ends while it is being changed."""

RESTART_POLL = 0.2

ENDED = (-1, 126, 128, 129, 137, 143)
"""Exit codes of an exec that ended with its container, or that came just too late."""

_VERSION = re.compile(r"nginx/(\d+)\.(\d+)\S*")
_OLD_WORKERS = re.compile(r"^videa-old-workers(.*)$", re.MULTILINE)
_LEFT = re.compile(r"^videa-left(.*)$", re.MULTILINE)


class _ContainerEnded(BalancerError):
    """The container ended while a script ran in it."""


class Balancer:
    """The nginx of one stack, a ``Gateway``. Remembers the workers that its changes have retired, for ``wait_drained``.

    It also remembers what it saw or wrote last, which saves a look before the next change; nginx's container compares.
    """

    def __init__(self, platform: Platform, container: str) -> None:
        self._platform = platform
        self._container = container
        self._retired: tuple[str, ...] = ()
        self._seen: Look | None = None
        self.permit: Callable[[], None] = lambda: None
        """Called immediately before each change, also when one is tried again; raises where it must not be made."""

    def membership(self, remembered: bool = False) -> Membership:
        """Which replicas the configuration on nginx's volume admits. Raises BalancerError.

        ``remembered``: as it was seen or written last, if it was.
        """
        look = self._seen if remembered and self._seen else self.look()
        return self._parsed(look.text)

    def look(self) -> Look:
        """What nginx has and serves. Raises BalancerError: it does not run, it is too old, it has no such file."""
        try:
            answer = self._run(scripts.LOOK)
        except _ContainerEnded:
            answer = self._run(scripts.LOOK)
        if (
            not answer.output.strip()
        ):  # seen on a busy engine: the command ran, its output got lost; looking again is free
            answer = self._run(scripts.LOOK)
        head, _, rest = answer.output.partition("\n")
        generation, _, text = rest.partition("\n")
        version = _VERSION.search(head)
        if version is None or (int(version[1]), int(version[2])) < OLDEST_NGINX:
            found = version[0] if version else "no nginx"
            oldest = ".".join(map(str, OLDEST_NGINX))
            raise BalancerError(
                f"{found} is in the balancer's container, {oldest} is needed",
                f"build its image from nginx {oldest} or newer: older ones cut requests when they reload",
                answer.output,
            )
        if not answer.ok:
            raise self._not_ours(answer)
        serving = int(generation) if generation.isdecimal() else None
        self._seen = Look(version[0].removeprefix("nginx/"), serving, text)
        return self._seen

    def apply(self, upstream: Upstream) -> Applied:
        """Makes nginx serve ``upstream`` and returns once the new generation answers. A closed site stays closed.

        Raises ConfigRefused with nginx's words when it refuses the text, BalancerError when the text cannot be written
        or its generation does not answer in time. The configuration of before is then in use, unchanged.
        """
        return self._change(lambda look, generation: render(upstream, generation, self._parsed(look.text).maintenance))

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        """Closes the site, or opens it again with None; the replicas stay as they are. Raises like ``apply``."""

        def text(look: Look, generation: int) -> str:
            try:
                return switched(look.text, generation, maintenance)
            except ValueError as error:
                raise BalancerError(
                    f"{scripts.FILE} was written by an older videa: {error}", "write it anew: videa up", look.text
                ) from error

        return self._change(text)

    def _change(self, write: Callable[[Look, int], str]) -> Applied:
        """Installs what ``write`` makes of the present state and the next generation.

        Starts from what was seen last if nginx still has it.
        """
        seen, self._seen = self._seen, None
        look = seen or self.look()
        generation = _next(self._parsed(look.text), look)
        text, before = write(look, generation), seen.text.rstrip("\n") if seen else ""
        try:
            answer = self._run(scripts.APPLY, text, str(generation), str(CONFIRM_LOOKS), before)
        except _ContainerEnded:
            return self._after_restart(text, generation)
        if answer.code == scripts.CHANGED:
            return self._change(write)
        if not answer.ok:
            raise self._failure(answer)
        self._seen = Look(look.version, generation, text)
        return self._applied(generation, answer)

    def run(self, command: list[str]) -> ExecResult:
        """Runs a command in nginx's container. Raises EngineError."""
        return self._platform.exec(self._container, command)

    def log_tail(self, lines: int) -> bytes:
        """The last lines of the access log. Raises EngineError."""
        return self._platform.log_tail(self._container, lines)

    def follow_log(self) -> Stream:
        """The access log from now on. Raises EngineError."""
        return self._platform.output(self._container)

    def wait_drained(self, timeout: float, emit: Emit = nobody) -> tuple[str, ...]:
        """Waits until no worker that this object's changes have retired is left: no request of before runs any more.

        ``timeout``: seconds. Returns the workers that are left then, nothing when all is drained, and tells ``emit``.
        Workers end with their container. Raises BalancerError when it does not run.
        """
        deadline = time.monotonic() + timeout
        while self._retired:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                emit(RequestsCut(len(self._retired), timeout))
                break
            self._retired = self._still_there(min(remaining, DRAIN_SLICE))
        return self._retired

    def _still_there(self, seconds: float) -> tuple[str, ...]:
        try:
            answer = self._run(scripts.DRAIN, str(int(seconds / 0.05)), *self._retired)
        except _ContainerEnded:
            return ()
        left = _LEFT.search(answer.output)
        if not answer.ok:
            return self._retired
        return tuple(left[1].split()) if left else ()

    def _applied(self, generation: int, answer: ExecResult) -> Applied:
        old = _OLD_WORKERS.search(answer.output)
        workers = tuple(old[1].split()) if old else ()
        self._retired = tuple(dict.fromkeys((*self._retired, *workers)))
        return Applied(generation, workers)

    def _after_restart(self, text: str, generation: int) -> Applied:
        """nginx's container ended during APPLY. It comes back with the new file, or with the old and is tried again.

        Raises BalancerError when it does not come back, ConfigRefused.
        """
        deadline = time.monotonic() + RESTART_GRACE
        while True:
            try:
                if self.look().serving == generation:
                    return Applied(generation, ())
                answer = self._run(scripts.APPLY, text, str(generation), str(CONFIRM_LOOKS), "")
            except BalancerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RESTART_POLL)
                continue
            if answer.ok:
                return self._applied(generation, answer)
            raise self._failure(answer)

    def _run(self, script: str, *arguments: str) -> ExecResult:
        """Runs one of the scripts. Raises BalancerError when the container does not run or ends meanwhile."""
        deadline = time.monotonic() + RESTART_GRACE
        while True:
            if script is scripts.APPLY:
                self.permit()
            try:
                answer = self._platform.exec(self._container, ["sh", "-c", script, "videa", *arguments])
            except EngineUnreachable:
                raise
            except EngineError as error:
                if "is restarting" in error.message and time.monotonic() < deadline:
                    time.sleep(RESTART_POLL)
                    continue
                missing = "does not run" if "is not running" in error.message else f"cannot be used: {error.message}"
                raise BalancerError(
                    f"nginx's container {missing}",
                    "start it: docker compose up -d nginx; why it ended: docker compose logs nginx",
                    error.detail,
                ) from error
            if answer.code in ENDED:
                raise _ContainerEnded(
                    "nginx's container ended meanwhile", "why: docker compose logs nginx", answer.output
                )
            return answer

    def _parsed(self, text: str) -> Membership:
        try:
            return parse(text)
        except ValueError as error:
            raise BalancerError(
                f"{scripts.FILE} was not written by videa: {error}",
                "remove it and restart nginx's container: it then serves every replica of the service",
                text,
            ) from error

    def _not_ours(self, answer: ExecResult) -> BalancerError:
        return BalancerError(
            f"nginx's container has no {scripts.FILE}",
            "use the image of compose/nginx, or its files, with a volume at " + scripts.VOLUME,
            answer.output,
        )

    def _failure(self, answer: ExecResult) -> BalancerError:
        words = answer.output.strip()
        last = words.splitlines()[-1] if words else "it said nothing"
        if answer.code == scripts.REFUSED:
            reason = next((line for line in words.splitlines() if "[emerg]" in line), last)
            return ConfigRefused(
                f"nginx refuses the new configuration: {reason}", "the one in use was not touched; see --verbose", words
            )
        if answer.code == scripts.WRITE_FAILED:
            return BalancerError(
                f"the new configuration could not be written: {last}",
                f"the one in use was not touched; free some space for the volume at {scripts.VOLUME}",
                words,
            )
        if answer.code == scripts.NOT_CONFIRMED:
            return BalancerError(
                f"nginx did not take the new configuration: {last}",
                "the one of before is back in place; see its log: docker compose logs nginx",
                words,
            )
        return self._not_ours(answer)


def connect(platform: Platform, service: str) -> Balancer:
    """The balancer in the container of ``service``. Raises BalancerError when there is none that runs, EngineError."""
    container = platform.container(service)
    if container is None:
        raise BalancerError(f"the balancer {service!r} has no container", "bring the stack up first: videa up")
    if not container.running:
        raise BalancerError(
            f"the balancer {container.name} does not run (it is {container.state})",
            f"start it: docker compose up -d {service}; why it ended: docker compose logs {service}",
        )
    return Balancer(platform, container.id)


def _next(membership: Membership, look: Look) -> int:
    """A generation that neither the file nor the running nginx had before."""
    return max(membership.generation, look.serving or 0) + 1
