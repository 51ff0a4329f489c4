"""Changes nginx's configuration, or leaves it as it is: test, swap, reload, confirm, restore (invariant 2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256

from ops.balancer import scripts
from ops.balancer.render import parse, render, switched
from ops.balancer.script_answers import failure, old_workers, own_files, read_look, remaining_workers
from ops.balancer.script_runs import RESTART_GRACE, RESTART_POLL, ContainerEnded, ScriptRuns
from ops.errors import BalancerError
from ops.events import Emit, discard
from ops.models import ExecResult
from ops.notices import OwnFilesRefused, RequestsCut
from ops.platform.ports import Permit, Platform, Stream
from ops.traffic import Applied, Look, Maintenance, Membership, Upstream

CONFIRM_LOOKS = 300
"""Number of checks of the active generation, about 30 ms apart, until APPLY considers a reload failed."""

DRAIN_SLICE = 2.0
"""Maximum seconds of one exec of DRAIN, well below the time limit of a call to the engine."""


class Balancer:
    """The nginx of a stack as the ``Gateway`` of one service; it does not change the lists of other services.

    For ``wait_drained``, it remembers the workers that its changes replaced.

    It also caches the configuration that it read or wrote last, so that the next change needs no ``look``; APPLY checks
    that it is still the active one.
    """

    def __init__(
        self, platform: Platform, container: str, service: str = "", least: Callable[[], int] = lambda: 0
    ) -> None:
        """``service``: the service whose list this object reads and changes; may be empty if there is only one.

        ``least``: returns the lowest allowed generation of the next change.
        """
        self._platform = platform
        self._container = container
        self._scripts = ScriptRuns(platform, container)
        self._service = service
        self._least = least
        self._retired: tuple[str, ...] = ()
        self._seen: Look | None = None
        self._left_out: tuple[str, ...] = ()
        self._permit: Permit = _unnumbered
        self._guarded = True
        """Whether the number of ``_permit`` is registered in nginx's container."""

    def guard(self, permit: Permit) -> None:
        """Calls ``permit`` immediately before each change and each retry, and passes its number on with them.

        From the next ``look`` on, nginx's container refuses changes with lower numbers.
        """
        self._permit, self._seen, self._guarded = permit, None, False

    def membership(self, remembered: bool = False) -> Membership:
        """The replicas in the configuration on nginx's volume. Raises BalancerError.

        ``remembered``: returns the membership read or written last, if there is one.
        """
        look = self._seen if remembered and self._seen else self.look()
        return replace(self._parsed(look.text), own=look.own)

    def membership_and_ask(
        self, remembered: bool, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[Membership, ExecResult]:
        """``membership`` and ``ask`` with one command in nginx's container. Raises like ``membership``."""
        if remembered and self._seen:
            return self.membership(remembered), self.ask(command, environment)
        answer = self._scripts.look(self._number, command, environment)
        text, mark, rest = answer.output.partition(scripts.LOOKED)
        code, _, output = rest.partition("\n")
        if not mark or not code.isdecimal():
            return self.membership(), self.ask(command, environment)
        look = self._saw(ExecResult(int(code), text))
        return replace(self._parsed(look.text), own=look.own), ExecResult(answer.code, output)

    def look(self) -> Look:
        """nginx's version, active generation and configuration.

        Raises BalancerError if it is not running, is too old, or has no upstreams.conf, and LockHeld like the permit
        of ``guard``.
        """
        return self._saw(self._scripts.look(self._number))

    @property
    def _number(self) -> str:
        """The number that LOOK registers: of this process's lock, only once; "0" if there is nothing to register."""
        return "0" if self._guarded else str(self._permit())

    def _saw(self, answer: ExecResult) -> Look:
        self._seen, self._guarded = read_look(answer), True
        return self._seen

    def remember(self, look: Look) -> None:
        """Caches what another object has just read from the same nginx."""
        self._seen = look

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        """Makes nginx serve ``upstream`` and returns when the new generation is active. A closed site stays closed.

        ``more``: other services that change at the same time.

        Raises ConfigRefused with nginx's error if nginx refuses the text, and BalancerError if the text cannot be
        written or its generation is not active in time. The previous configuration is then still active.
        """

        def text(look: Look, generation: int) -> str:
            maintenance, written = self._parsed(look.text).maintenance, look.text
            for each in (upstream, *more):
                written = render(each, generation, maintenance, written)
            return written

        return self._change(text)

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        """Closes the site, or opens it with None; the replicas do not change. Raises like ``apply``."""

        def text(look: Look, generation: int) -> str:
            try:
                return switched(look.text, generation, maintenance)
            except ValueError as error:
                raise BalancerError(
                    f"{scripts.FILE} was written by an older videa: {error}", "rewrite it: videa up", look.text
                ) from error

        return self._change(text)

    def adopt(self, text: str, generation: int) -> Applied:
        """Serves the text of another nginx of the project, whatever is active now. Raises like ``apply``."""
        self._seen = None
        try:
            answer = self._install(text, generation, "")
        except ContainerEnded:
            return self._after_restart(text, generation)
        if not answer.ok:
            raise failure(answer)
        self._left_out = own_files(answer.output).refused
        return self._applied(generation, answer)

    def _change(self, write: Callable[[Look, int], str]) -> Applied:
        """Installs the text that ``write`` returns for the current state and the next generation.

        The current state is the one that was read or written last, if nginx still has it.
        """
        seen, self._seen = self._seen, None
        look = seen or self.look()
        generation = max(_next(self._parsed(look.text), look), self._least())
        text, before = write(look, generation), seen.text.rstrip("\n") if seen else ""
        try:
            answer = self._install(text, generation, before)
        except ContainerEnded:
            return self._after_restart(text, generation)
        if answer.code == scripts.CHANGED:
            return self._change(write)
        if not answer.ok:
            raise failure(answer)
        self._seen = Look(look.version, generation, text, own_files(answer.output))
        self._left_out = self._seen.own.refused
        return self._applied(generation, answer)

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a read-only command in nginx's container. Raises EngineError."""
        return self._platform.ask(self._container, command, environment)

    def log_tail(self, lines: int) -> bytes:
        """The last lines of the access log. Raises EngineError."""
        return self._platform.log_tail(self._container, lines)

    def follow_log(self) -> Stream:
        """The access log from now on. Raises EngineError."""
        return self._platform.output(self._container)

    def wait_drained(self, timeout: float, emit: Emit = discard) -> tuple[str, ...]:
        """Waits until the workers that this object's changes replaced have finished their requests and exited.

        ``timeout``: seconds. Returns the remaining workers, and emits an event for them; empty if all are drained.
        Also emits an event for the user's own files that were left out. Workers end with their container. Raises
        BalancerError if it is not running.
        """
        if self._left_out:
            emit(OwnFilesRefused(self._left_out))
            self._left_out = ()
        deadline = time.monotonic() + timeout
        while self._retired:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                emit(RequestsCut(len(self._retired), timeout))
                break
            self._retired = self._remaining(min(remaining, DRAIN_SLICE))
        return self._retired

    def _remaining(self, seconds: float) -> tuple[str, ...]:
        try:
            answer = self._scripts.run(scripts.DRAIN, str(int(seconds / 0.05)), *self._retired)
        except ContainerEnded:
            return ()
        return remaining_workers(answer.output) if answer.ok else self._retired

    def _applied(self, generation: int, answer: ExecResult) -> Applied:
        workers = old_workers(answer.output)
        self._retired = tuple(dict.fromkeys((*self._retired, *workers)))
        return Applied(generation, workers)

    def _after_restart(self, text: str, generation: int) -> Applied:
        """Completes a change during which nginx's container exited. If it restarts with the old file, APPLY runs again.

        Raises BalancerError if the container does not restart, and ConfigRefused.
        """
        deadline = time.monotonic() + RESTART_GRACE
        while True:
            try:
                if self.look().serving == generation:
                    return Applied(generation, ())
                answer = self._install(text, generation, "")
            except BalancerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RESTART_POLL)
                continue
            if answer.ok:
                return self._applied(generation, answer)
            raise failure(answer)

    def _install(self, text: str, generation: int, before: str) -> ExecResult:
        """Runs APPLY with the number of this process's lock. Raises LockHeld if another process holds the lock."""
        pieces = [text[start : start + scripts.PIECE] for start in range(0, len(text), scripts.PIECE)]
        replaced = sha256(before.encode()).hexdigest() if before else ""
        arguments = (str(generation), str(CONFIRM_LOOKS), replaced, str(len(pieces)), *pieces)
        answer = self._scripts.run(scripts.APPLY, *arguments, permit=self._permit)
        while answer.code == scripts.FENCED:
            above = int(answer.output.strip() or 0)  # empty if a busy engine lost the output
            answer = self._scripts.run(scripts.APPLY, *arguments, permit=partial(self._permit, above))
        return answer

    def _parsed(self, text: str) -> Membership:
        try:
            return parse(text, self._service)
        except ValueError as error:
            raise BalancerError(
                f"{scripts.FILE} was not written by videa: {error}",
                "remove it and restart nginx's container, which then serves every replica of the service",
                text,
            ) from error


def connect(platform: Platform, service: str, served: str = "") -> Balancer:
    """The balancer in the container of ``service``, for the replicas of ``served``.

    Raises BalancerError if it is not running, EngineError.
    """
    container = platform.container(service)
    if container is None:
        raise BalancerError(f"the balancer {service!r} has no container", "start the stack first: videa up")
    if not container.running:
        raise BalancerError(
            f"the balancer {container.name} is not running (state: {container.state})",
            f"start it: docker compose up -d {service}; its log shows why it ended: docker compose logs {service}",
        )
    return Balancer(platform, container.id, served)


def _unnumbered(above: int = 0) -> int:
    """The permit of a balancer that has no guard."""
    if above:
        raise BalancerError("nginx accepts only changes of the lock's holder", "use a command of videa")
    return 0


def _next(membership: Membership, look: Look) -> int:
    """A generation that is higher than the file's and the active one."""
    return max(membership.generation, look.serving or 0) + 1
