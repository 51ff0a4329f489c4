"""The nginx instances of several nodes as one gateway: a change is confirmed by all running ones, or undone on all.

The instance with the newest text is changed first, so that a text that nginx refuses reaches no other one. The others
get the same text. An instance that is not running is skipped and reported; it gets the text before the next replica is
stopped, with the next change, or in the next round of `videa watch`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import msgspec

from ops.balancer.generations import Place, blocking, newest, standing, to_bring_up
from ops.balancer.merged import Merged
from ops.balancer.nginx import Balancer
from ops.balancer.render import parse, renumbered
from ops.errors import BalancerError, ConfigRefused, EngineError, LockHeld, VideaError
from ops.events import Emit, discard
from ops.models import ExecResult
from ops.notices import EdgeReturned
from ops.platform.ports import Permit, Stream
from ops.traffic import Applied, Edge, Look, Maintenance, Membership, Upstream

Answer = TypeVar("Answer")


class Edges:
    """``ops.platform.ports.Gateway``. ``find``: returns the project's nginx instances, the one on this node first."""

    def __init__(self, find: Callable[[], Sequence[Place]], connect: Callable[[Place], Balancer], service: str) -> None:
        self._find = find
        self._connect = connect
        self._service = service
        self._known: dict[str, Balancer] = {}
        self._permit: Permit | None = None
        self._seen: Membership | None = None
        self._confirmed: set[str] = set()
        """The instances that serve this object's last change or have its text."""
        self._change_text = ""
        self._away: dict[str, str] = {}
        self._untold: list[EdgeReturned] = []

    def guard(self, permit: Permit) -> None:
        """See ``Gateway``; also applies to instances that appear later."""
        self._permit, self._seen = permit, None
        for balancer in self._known.values():
            balancer.guard(permit)

    def membership(self, remembered: bool = False) -> Membership:
        """The replicas in the newest text. Raises BalancerError, EngineError, LockHeld."""
        if remembered and self._seen:
            return self._seen
        places, looks, errors = self._look()
        return self._read(places, looks, errors)

    def membership_and_ask(
        self, remembered: bool, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[Membership, ExecResult]:
        """Both in parallel: reads the membership from all instances, and asks the first one. Raises like both."""
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.ask, command, environment)
            return self.membership(remembered), asking.result()

    def look(self) -> Look:
        """The nginx with the newest text. Raises BalancerError, EngineError, LockHeld."""
        places, looks, errors = self._look()
        return msgspec.structs.replace(looks[newest(looks)], edges=self._read(places, looks, errors).edges)

    def remember(self, look: Look) -> None:
        """See ``Gateway``."""
        self._seen = replace(parse(look.text, self._service), own=look.own, edges=look.edges)

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        """See ``Gateway``."""
        return self._change(lambda balancer: balancer.apply(upstream, *more))

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        """See ``Gateway``."""
        return self._change(lambda balancer: balancer.maintain(maintenance))

    def wait_drained(self, timeout: float, emit: Emit = discard) -> tuple[str, ...]:
        """See ``Gateway``. First applies the last change to the instances that have returned since then.

        Raises BalancerError.
        """
        self._bring_up(self._find())
        for notice in self._untold:
            emit(notice)
        self._untold.clear()
        members = {name: self._known[name] for name in self._confirmed}
        left, errors = _all(members, lambda balancer: balancer.wait_drained(timeout, emit))
        for name in blocking(errors, self._find() if errors else ()):
            raise errors[name]
        return tuple(f"{name}: {worker}" for name, workers in left.items() for worker in workers)

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a read-only command in the first container that answers. Raises EngineError."""
        return self._first(lambda balancer: balancer.ask(command, environment))

    def log_tail(self, lines: int) -> bytes:
        """The last lines of every access log. Raises EngineError if there is none."""
        tails, errors = _all(self._running(), lambda balancer: balancer.log_tail(lines))
        if not tails:
            raise _first_of(errors)
        return b"".join(tail if tail.endswith(b"\n") or not tail else tail + b"\n" for tail in tails.values())

    def follow_log(self) -> Stream:
        """All access logs from now on; the log of a restarted instance ends. Raises EngineError if there is none."""
        streams, errors = _all(self._running(), lambda balancer: balancer.follow_log())
        if not streams:
            raise _first_of(errors)
        return Merged(tuple(streams.values()))

    def _change(self, change: Callable[[Balancer], Applied]) -> Applied:
        """Changes the instance with the newest text, then the others; undoes it on all if a running one fails."""
        places, looks, errors = self._look()
        self._refuse(errors)
        self._read(places, looks, errors)
        first = newest(looks)
        before, self._seen = looks[first].text, None
        try:
            applied = change(self._known[first])
        except ConfigRefused:
            raise
        except (BalancerError, EngineError) as failure:
            self._refuse({first: failure})
            return self._change(change)  # that instance has just disappeared
        changed = self._known[first].membership(remembered=True)
        text = changed.text
        others = {name: self._known[name] for name in looks if name != first}
        confirmed, errors = _all(others, lambda balancer: balancer.adopt(text, applied.generation))
        self._confirmed, self._change_text = {first, *confirmed}, text
        _raise_lost_lock(errors)
        if failed := blocking(errors, self._find() if errors else ()):
            self._go_back(failed[0], errors[failed[0]], before, applied.generation + 1)
        missing = self._missing(places, errors)
        workers = (worker for name in confirmed for worker in confirmed[name].old_workers)
        edges = tuple(
            Edge(place.name, place.node, applied.generation)
            if place.name in self._confirmed
            else Edge(place.name, place.node, None, False, place.reason or _reason(errors.get(place.name)))
            for place in places
        )
        self._seen = replace(changed, edges=edges)
        return Applied(applied.generation, (*applied.old_workers, *workers), missing)

    def _go_back(self, failed: str, error: Exception, before: str, generation: int) -> None:
        """Restores the previous text on all changed instances. Raises the error of the one that failed."""
        members = {name: self._known[name] for name in self._confirmed}
        _, stuck = _all(members, lambda balancer: balancer.adopt(renumbered(before, generation), generation))
        reason = error.message if isinstance(error, VideaError) else str(error)
        hint = error.hint if isinstance(error, VideaError) else "see the logs of nginx"
        state = f"the previous configuration is active again on {', '.join(sorted(members.keys() - stuck))}"
        if stuck:
            state += f"; {', '.join(sorted(stuck))} could not go back: {_reason(next(iter(stuck.values())))}"
        kind = ConfigRefused if isinstance(error, ConfigRefused) else BalancerError
        raise kind(f"{failed}: {reason}; {state}", hint, getattr(error, "detail", "")) from error

    def _look(self) -> tuple[Sequence[Place], dict[str, Look], dict[str, Exception]]:
        """All places, and the answers of the running ones. Raises BalancerError if none is running, LockHeld."""
        places = self._find()
        looks, errors = _all(self._members(places), lambda balancer: balancer.look())
        _raise_lost_lock(errors)
        if not looks and errors:
            raise _first_of(errors)
        if not looks:
            reasons = "; ".join(f"{place.name}: {place.reason}" for place in places) or "there is none"
            raise BalancerError(f"no nginx of the project runs: {reasons}", "start it: videa up")
        return places, looks, errors

    def _read(self, places: Sequence[Place], looks: Mapping[str, Look], errors: Mapping[str, Exception]) -> Membership:
        try:
            first = looks[newest(looks)]
            edges = standing(places, looks, {name: _reason(error) for name, error in errors.items()})
            found = replace(parse(first.text, self._service), own=first.own, edges=edges)
        except ValueError as error:
            raise BalancerError(
                f"nginx has a configuration that was not written by videa: {error}",
                "remove upstreams.conf from its volume and restart it",
            ) from error
        self._seen = found
        return found

    def _refuse(self, errors: Mapping[str, Exception]) -> None:
        """Raises the error of a running instance that did not answer: a change would not reach it."""
        for name in blocking(errors, self._find() if errors else ()):
            raise errors[name]

    def _bring_up(self, places: Iterable[Place]) -> None:
        """Applies the last text to running instances that lack it. Raises BalancerError if one refuses it."""
        if not self._confirmed:
            return
        late = to_bring_up(list(places), self._confirmed)
        generation, text = parse(self._change_text).generation, self._change_text
        done, errors = _all(self._members(late), lambda balancer: balancer.adopt(text, generation))
        self._confirmed |= done.keys()
        for name in done:
            if self._away.pop(name, None) is not None:
                self._untold.append(EdgeReturned(name))
        self._refuse(errors)

    def _missing(self, places: Iterable[Place], errors: Mapping[str, Exception]) -> tuple[Edge, ...]:
        """The instances that the change skipped, reported once each; also notes the ones that have caught up."""
        found = []
        for place in places:
            if place.name in self._confirmed:
                if self._away.pop(place.name, None) is not None:
                    self._untold.append(EdgeReturned(place.name))
            elif place.name not in self._away:
                self._away[place.name] = place.reason or _reason(errors.get(place.name))
                found.append(Edge(place.name, place.node, None, False, self._away[place.name]))
        return tuple(found)

    def _running(self) -> dict[str, Balancer]:
        return self._members(self._find())

    def _members(self, places: Iterable[Place]) -> dict[str, Balancer]:
        """The connections to the running instances."""
        found = {}
        for place in places:
            if place.reason:
                continue
            if place.name not in self._known:
                self._known[place.name] = self._connect(place)
                if self._permit:
                    self._known[place.name].guard(self._permit)
            found[place.name] = self._known[place.name]
        return found

    def _first(self, ask: Callable[[Balancer], Answer]) -> Answer:
        failure: EngineError | BalancerError = BalancerError("no nginx of the project runs", "start it: videa up")
        for balancer in self._running().values():
            try:
                return ask(balancer)
            except (EngineError, BalancerError) as error:
                failure = error
        raise failure


def open_edges(
    find: Callable[[], Sequence[Place]], connect: Callable[[Place, Callable[[], int]], Balancer], service: str
) -> Edges:
    """The gateway; its generation numbers are at least the Unix time of the change."""
    return Edges(find, lambda place: connect(place, lambda: int(time.time())), service)


def _all(
    members: Mapping[str, Balancer], call: Callable[[Balancer], Answer]
) -> tuple[dict[str, Answer], dict[str, Exception]]:
    """The answers of all members, asked in parallel, and the errors of the ones that failed, in their order."""
    answers: dict[str, Answer] = {}
    errors: dict[str, Exception] = {}
    if not members:
        return answers, errors
    with ThreadPoolExecutor(len(members)) as pool:
        asked = {name: pool.submit(call, balancer) for name, balancer in members.items()}
        for name, future in asked.items():
            try:
                answers[name] = future.result()
            except VideaError as error:
                errors[name] = error
    return answers, errors


def _raise_lost_lock(errors: Mapping[str, Exception]) -> None:
    """Raises LockHeld if another process holds the lock: that process is in control from now on."""
    for error in errors.values():
        if isinstance(error, LockHeld):
            raise error


def _first_of(errors: Mapping[str, Exception]) -> Exception:
    return next(iter(errors.values()), BalancerError("no nginx of the project runs", "start it: videa up"))


def _reason(error: Exception | None) -> str:
    return error.message if isinstance(error, VideaError) else str(error or "")
