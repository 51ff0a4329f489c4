"""The nginx of several nodes as one gateway: a change is confirmed by all that run, or goes back on all of them.

The one with the newest text changes first, so that a text which nginx refuses reaches no other one. The others get the
same text. One that does not run is left out and said; it gets the text of the others before the next replica is
stopped, by the next change, or by the next round of `videa watch`.
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
    """``ops.platform.ports.Gateway``. ``find``: the nginx of the project, that of this node first."""

    def __init__(self, find: Callable[[], Sequence[Place]], connect: Callable[[Place], Balancer], service: str) -> None:
        self._find = find
        self._connect = connect
        self._service = service
        self._known: dict[str, Balancer] = {}
        self._permit: Permit | None = None
        self._seen: Membership | None = None
        self._confirmed: set[str] = set()
        """Those that serve the last change of this object, or have its text."""
        self._change_text = ""
        self._away: dict[str, str] = {}
        self._untold: list[EdgeReturned] = []

    def guard(self, permit: Permit) -> None:
        """See ``Gateway``; also for those that come later."""
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
        """Both, in parallel: all are looked at, and the first is asked. Raises like them."""
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.ask, command, environment)
            return self.membership(remembered), asking.result()

    def look(self) -> Look:
        """nginx with the newest text. Raises BalancerError, EngineError, LockHeld."""
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
        """See ``Gateway``. First, the last change also reaches those that have returned since it was made.

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
        """Runs a command that only reads in the first container that can be asked. Raises EngineError."""
        return self._first(lambda balancer: balancer.ask(command, environment))

    def log_tail(self, lines: int) -> bytes:
        """The last lines of each access log. Raises EngineError if there is none."""
        tails, errors = _all(self._running(), lambda balancer: balancer.log_tail(lines))
        if not tails:
            raise _first_of(errors)
        return b"".join(tail if tail.endswith(b"\n") or not tail else tail + b"\n" for tail in tails.values())

    def follow_log(self) -> Stream:
        """All access logs from now on; the log of one that is restarted ends. Raises EngineError if there is none."""
        streams, errors = _all(self._running(), lambda balancer: balancer.follow_log())
        if not streams:
            raise _first_of(errors)
        return Merged(tuple(streams.values()))

    def _change(self, change: Callable[[Balancer], Applied]) -> Applied:
        """Changes the one with the newest text, then the others; back on all if one of them fails while it runs."""
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
            return self._change(change)  # it has just gone away
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
        """Returns to the text of before the change where it was made. Raises the error of the one that has failed."""
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
        """All places, and what those that run say. Raises BalancerError if none does, LockHeld."""
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
        """Raises the error of one that could not be asked although it runs: a change would not reach it."""
        for name in blocking(errors, self._find() if errors else ()):
            raise errors[name]

    def _bring_up(self, places: Iterable[Place]) -> None:
        """Gives the last text to those that run and have not confirmed it. Raises BalancerError if one refuses it."""
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
        """Those that the change has left out, once each; notes those that have it again."""
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
        """The connections to those that run."""
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
    """The gateway whose generations are at least the time of the change."""
    return Edges(find, lambda place: connect(place, lambda: int(time.time())), service)


def _all(
    members: Mapping[str, Balancer], call: Callable[[Balancer], Answer]
) -> tuple[dict[str, Answer], dict[str, Exception]]:
    """The answers of all of them, asked at the same time, and the errors of the others, in the order of ``members``."""
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
    """Another process has the lock, and decides from now on. Raises LockHeld."""
    for error in errors.values():
        if isinstance(error, LockHeld):
            raise error


def _first_of(errors: Mapping[str, Exception]) -> Exception:
    return next(iter(errors.values()), BalancerError("no nginx of the project runs", "start it: videa up"))


def _reason(error: Exception | None) -> str:
    return error.message if isinstance(error, VideaError) else str(error or "")
