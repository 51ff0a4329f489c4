"""Changes nginx's configuration, or leaves it as it is: test, swap, reload, confirm, restore (invariant 2)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256

from ops.balancer import scripts
from ops.balancer.render import parse, render, switched
from ops.balancer.scope import ANY
from ops.errors import BalancerError, ConfigRefused, EngineError, EngineUnreachable
from ops.events import Emit, discard
from ops.models import ExecResult
from ops.notices import OwnFilesRefused, RequestsCut
from ops.platform.ports import Permit, Platform, Stream
from ops.traffic import Applied, Look, Maintenance, Membership, OwnFiles, Upstream

OLDEST_NGINX = (1, 28)
"""Older versions have no keepalive_min_timeout, so their reloads cut requests."""

CONFIRM_LOOKS = 300
"""Number of checks of the active generation, about 30 ms apart, until APPLY considers a reload failed."""

DRAIN_SLICE = 2.0
"""Maximum seconds of one exec of DRAIN, well below the time limit of a call to the engine."""

RESTART_GRACE = 15.0
"""Seconds to wait for nginx's container if it restarts during a change."""

RESTART_POLL = 0.2

ENDED = (-1, 126, 128, 129, 137, 143)
"""Exit codes of an exec that ended with its container, or started just after the container's end."""

_VERSION = re.compile(r"nginx/(\d+)\.(\d+)\S*")
_OLD_WORKERS = re.compile(r"^videa-old-workers(.*)$", re.MULTILINE)
_LEFT = re.compile(r"^videa-left(.*)$", re.MULTILINE)


class _ContainerEnded(BalancerError):
    """The container ended while a script ran in it."""


class Balancer:
    """The nginx of one stack for one of its services, a ``Gateway``: it leaves the others' lists as they are.

    For ``wait_drained``, it remembers the workers that its changes replaced.

    It also remembers the configuration that it read or wrote last, so that the next change needs no ``look``; APPLY
    checks that it is still the active one.
    """

    def __init__(
        self, platform: Platform, container: str, service: str = "", least: Callable[[], int] = lambda: 0
    ) -> None:
        """``service``: whose list this object reads and changes; may be empty if there is only one.

        ``least``: the lowest generation of the next change.
        """
        self._platform = platform
        self._container = container
        self._service = service
        self._least = least
        self._retired: tuple[str, ...] = ()
        self._seen: Look | None = None
        self._left_out: tuple[str, ...] = ()
        self._permit: Permit = _unnumbered
        self._guarded = True
        """Whether nginx's container knows the number of ``_permit``."""

    def guard(self, permit: Permit) -> None:
        """Calls ``permit`` immediately before each change and each retry, which carry the number that it returns.

        From the next ``look`` on, nginx's container refuses the changes of lower numbers.
        """
        self._permit, self._seen, self._guarded = permit, None, False

    def membership(self, remembered: bool = False) -> Membership:
        """The replicas in the configuration on nginx's volume. Raises BalancerError.

        ``remembered``: returns the membership that was read or written last, if there is one.
        """
        look = self._seen if remembered and self._seen else self.look()
        return replace(self._parsed(look.text), own=look.own)

    def membership_and_ask(
        self, remembered: bool, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[Membership, ExecResult]:
        """``membership`` and ``ask`` by one command in nginx's container. Raises like ``membership``."""
        if remembered and self._seen:
            return self.membership(remembered), self.ask(command, environment)
        answer = self._patiently_look(self._number, tuple(command), environment)
        text, mark, rest = answer.output.partition(scripts.LOOKED)
        code, _, output = rest.partition("\n")
        if not mark or not code.isdecimal():
            return self.membership(), self.ask(command, environment)
        look = self._read_look(ExecResult(int(code), text))
        return replace(self._parsed(look.text), own=look.own), ExecResult(answer.code, output)

    def look(self) -> Look:
        """nginx's version, active generation and configuration.

        Raises BalancerError if it is not running, is too old, or has no upstreams.conf, and LockHeld like ``guard``'s
        permit.
        """
        return self._read_look(self._patiently_look(self._number))

    @property
    def _number(self) -> str:
        """What LOOK registers: the number of this process's lock, once; "0" if there is nothing to register."""
        return "0" if self._guarded else str(self._permit())

    def _read_look(self, answer: ExecResult) -> Look:
        head, _, rest = answer.output.partition("\n")
        generation, _, text = rest.partition("\n")
        if text.startswith(scripts.OWN):
            text = text.partition("\n")[2]
        version = _VERSION.search(head)
        if version is None or (int(version[1]), int(version[2])) < OLDEST_NGINX:
            present = version[0] if version else "no nginx"
            oldest = ".".join(map(str, OLDEST_NGINX))
            raise BalancerError(
                f"the balancer's container has {present}, but nginx {oldest} or newer is required",
                f"build its image from nginx {oldest} or newer: older versions cut requests when they reload",
                answer.output,
            )
        if not answer.ok:
            raise self._not_ours(answer)
        serving = int(generation) if generation.isdecimal() else None
        self._seen, self._guarded = Look(version[0].removeprefix("nginx/"), serving, text, _own(rest)), True
        return self._seen

    def remember(self, look: Look) -> None:
        """Takes over what another object has just read of the same nginx."""
        self._seen = look

    def _patiently_look(
        self, number: str, beside: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Looks again while nginx's container ends and restarts, and if a busy engine has lost the output.

        ``beside``: a command that runs after it, with ``environment``. Raises BalancerError like ``_run``.
        """
        script = scripts.LOOK_AND_RUN if beside else scripts.LOOK
        deadline = time.monotonic() + RESTART_GRACE
        while True:
            try:
                answer = self._run(script, number, *beside, environment=environment)
                if answer.output.strip() or time.monotonic() > deadline:  # a shell without nginx says so
                    return answer
            except _ContainerEnded:
                if time.monotonic() > deadline:
                    raise
            time.sleep(RESTART_POLL)

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        """Makes nginx serve ``upstream`` and returns when the new generation is active. A closed site stays closed.

        ``more``: of other services, in the same change.

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
        except _ContainerEnded:
            return self._after_restart(text, generation)
        if not answer.ok:
            raise self._failure(answer)
        self._left_out = _own(answer.output).refused
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
        except _ContainerEnded:
            return self._after_restart(text, generation)
        if answer.code == scripts.CHANGED:
            return self._change(write)
        if not answer.ok:
            raise self._failure(answer)
        self._seen = Look(look.version, generation, text, _own(answer.output))
        self._left_out = self._seen.own.refused
        return self._applied(generation, answer)

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a command that only reads in nginx's container. Raises EngineError."""
        return self._platform.ask(self._container, command, environment)

    def log_tail(self, lines: int) -> bytes:
        """The last lines of the access log. Raises EngineError."""
        return self._platform.log_tail(self._container, lines)

    def follow_log(self) -> Stream:
        """The access log from now on. Raises EngineError."""
        return self._platform.output(self._container)

    def wait_drained(self, timeout: float, emit: Emit = discard) -> tuple[str, ...]:
        """Waits until the workers that this object's changes have replaced, and with them their requests, have ended.

        ``timeout``: seconds. Returns the remaining workers, and emits an event for them; empty if all are drained.
        Also emits an event for the user's own files that the changes have left out. Workers end with their container.
        Raises BalancerError if it is not running.
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
        """Completes a change during which nginx's container ended. If it restarts with the old file, APPLY runs again.

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
            raise self._failure(answer)

    def _install(self, text: str, generation: int, before: str) -> ExecResult:
        """Runs APPLY with the number of the lock's holder. Raises LockHeld if another process has the lock."""
        pieces = [text[start : start + scripts.PIECE] for start in range(0, len(text), scripts.PIECE)]
        replaced = sha256(before.encode()).hexdigest() if before else ""
        arguments = (str(generation), str(CONFIRM_LOOKS), replaced, str(len(pieces)), *pieces)
        answer = self._run(scripts.APPLY, *arguments, permit=self._permit)
        while answer.code == scripts.FENCED:
            above = int(answer.output.strip() or 0)  # on a busy engine, the output was lost
            answer = self._run(scripts.APPLY, *arguments, permit=partial(self._permit, above))
        return answer

    def _run(
        self,
        script: str,
        *arguments: str,
        permit: Callable[[], int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Runs one of the scripts; ``permit``: returns its last argument, at each try.

        Raises BalancerError if the container is not running or ends in the meantime.
        """
        deadline = time.monotonic() + RESTART_GRACE
        run = self._platform.ask if script in (scripts.LOOK, scripts.LOOK_AND_RUN) else self._platform.exec
        while True:
            number = (str(permit()),) if permit else ()
            try:
                command = ["sh", "-c", script, "videa", *arguments, *number]
                answer = run(self._container, command, environment=environment)
            except EngineUnreachable:
                raise
            except EngineError as error:
                if "is restarting" in error.message and time.monotonic() < deadline:
                    time.sleep(RESTART_POLL)
                    continue
                reason = "is not running" if "is not running" in error.message else f"cannot be used: {error.message}"
                raise BalancerError(
                    f"nginx's container {reason}",
                    "start it: docker compose up -d nginx; its log shows why it ended: docker compose logs nginx",
                    error.detail,
                ) from error
            if answer.code in ENDED:
                raise _ContainerEnded(
                    "nginx's container ended in the meantime",
                    "its log shows why: docker compose logs nginx",
                    answer.output,
                )
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

    def _not_ours(self, answer: ExecResult) -> BalancerError:
        return BalancerError(
            f"nginx's container has no {scripts.FILE}",
            f"use the image that `videa init` writes into the Compose file, with a volume at {scripts.VOLUME}",
            answer.output,
        )

    def _failure(self, answer: ExecResult) -> BalancerError:
        output = answer.output.strip()
        last = output.splitlines()[-1] if output else "no output"
        if answer.code == scripts.REFUSED:
            reason = next((line for line in output.splitlines() if "[emerg]" in line), last)
            hint = "the active configuration is unchanged; --verbose shows nginx's output"
            if f'in upstream "{ANY}"' in reason:  # the image names this group, which only one service has
                hint = "for several services, nginx's container needs the image of this videa: videa init"
            return ConfigRefused(
                f"nginx refuses the new configuration: {reason}",
                f"the active configuration is unchanged; {hint}",
                output,
            )
        if answer.code == scripts.WRITE_FAILED:
            return BalancerError(
                f"the new configuration could not be written: {last}",
                f"the active configuration is unchanged; free space on the volume at {scripts.VOLUME}",
                output,
            )
        if answer.code == scripts.NOT_CONFIRMED:
            return BalancerError(
                f"nginx did not activate the new configuration: {last}",
                "the previous configuration was restored; see nginx's log: docker compose logs nginx",
                output,
            )
        return self._not_ours(answer)


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


def _own(output: str) -> OwnFiles:
    """What a script says of the user's own files; an image of before has none."""
    line = next((each for each in output.splitlines() if each.startswith(scripts.OWN)), "")
    changed, *refused = line.removeprefix(scripts.OWN).split("\t")
    return OwnFiles(tuple(filter(None, refused)), changed == "yes")


def _next(membership: Membership, look: Look) -> int:
    """A generation that is newer than the file's and the active one."""
    return max(membership.generation, look.serving or 0) + 1
