"""Makes notifications from the stored state and from the agent's events. Pure.

The same stored state always gives the same messages with the same ids, so after a restart the agent finds what it has
missed, and reports nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping

from ops.autoscale.state import ServiceState
from ops.events import Event, HookFailed, Kind, NoVerdict, VerdictGiven
from ops.notices import DriftRepaired, DutyFailed, ReplicaLeftOut
from ops.notify.message import Findings, Message
from ops.rollout.entries import JournalState
from ops.rollout.event_stream import FOUND
from ops.rollout.history import DONE, LEFT, MAINTENANCE, Entry, verdict_line
from ops.steps import Pause, replicas

INFO, WARNING, CRITICAL = "info", "warning", "critical"


def identity(*parts: object) -> str:
    """A short id: the same for the same parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def of_journal(state: JournalState | None, attended: bool) -> Iterator[Message]:
    """The operation that has not ended. ``attended``: a process carries it out."""
    if state is None:
        return
    header = state.earlier[0].header if state.earlier else state.header
    if header.request is None:  # a scale: only its end is reported
        return
    who = f"`{header.command}` of {header.who}"
    release = f", release {header.target.release}" if header.target.release else ""

    def message(kind: str, severity: str, title: str, text: str, *parts: object, time: float = 0.0) -> Message:
        id = identity("journal", header.time, header.command, kind, *parts)
        return Message(id, time or header.time, kind, severity, title, text)

    yield message("deploy.began", INFO, "deploy began", f"{who}{release}")
    last = state.last
    since = last.time if last else header.time
    for number, entry in enumerate(state.entries):
        place = (state.header.service, number)
        if isinstance(entry, VerdictGiven):
            severity = INFO if entry.kind is Kind.PASS else WARNING
            yield message(
                "deploy.verdict", severity, "canary judged", f"{verdict_line(entry)}; {who}", *place, time=since
            )
        elif isinstance(entry, NoVerdict):
            text = f"no verdict on the canary at {entry.percent:g}%; {who}: videa promote, or videa abort"
            yield message("deploy.paused", WARNING, "deploy paused", text, *place, time=since)
        elif isinstance(entry, HookFailed):
            yield message("deploy.hook_failed", WARNING, "hook failed", f"{entry.reason}; {who}", *place, time=since)
    if state.waiting and last and isinstance(last.step, Pause) and not _gave_up(state):
        text = f"{who} waits at {last.step.percent:g}%: videa promote, or videa abort"
        yield message("deploy.paused", INFO, "deploy paused", text, state.header.service, last.number, time=since)
    if not state.waiting and not attended:
        number = last.number if last else 0
        text = f"{who}: its process has exited at step {number}; videa deploy --resume, or --abort"
        yield message(
            "deploy.interrupted", CRITICAL, "deploy interrupted", text, state.header.service, number, time=since
        )


def _gave_up(state: JournalState) -> bool:
    """Whether the pause was caused by a missing verdict, which is reported already."""
    last = state.last
    return last is not None and any(
        isinstance(entry, NoVerdict) and isinstance(last.step, Pause) and entry.percent == last.step.percent
        for entry in state.entries
    )


def of_history(entries: Iterable[Entry]) -> Iterator[Message]:
    """Past operations, one message for each service."""
    for entry in entries:
        if entry.action in (FOUND, MAINTENANCE) or entry.result == LEFT or entry.automatic:
            continue
        family = "scale" if entry.action == "scale" else "deploy"
        done = entry.result == DONE and entry.action != "abort"
        id = identity("history", entry.time, entry.service, entry.command, entry.who)
        what = f"`{entry.command}` of {entry.who}"
        where = f"{entry.service}: " if entry.service else ""
        if done:
            release = f", release {entry.release}" if family == "deploy" and entry.release else ""
            lost = f", {entry.failed} of {entry.requests} requests failed" if entry.requests and entry.failed else ""
            text = f"{where}{what} is complete after {entry.seconds:.0f} s: {replicas(entry.replicas)}{release}{lost}"
            yield Message(id, entry.time, f"{family}.passed", INFO, f"{family} complete", text)
        else:
            result = "rolled back" if entry.result == DONE else entry.result
            text = f"{where}{what} ended after {entry.seconds:.0f} s: {result}"
            yield Message(id, entry.time, f"{family}.aborted", WARNING, f"{family} aborted", text)


def of_autoscaler(states: Mapping[str, ServiceState]) -> Iterator[Message]:
    """The decisions of the autoscaler."""
    for service, state in states.items():
        for made in state.made:
            id = identity("autoscale", service, made.time, made.now, made.desired)
            change = f"{service}: {made.now} -> {replicas(made.desired)}; {made.reason}"
            if made.result == DONE:
                yield Message(id, made.time, "autoscale.changed", INFO, "autoscaled", change)
            elif made.now == made.desired:
                text = f"{service} stays at {replicas(made.now)}: {made.reason}"
                yield Message(id, made.time, "autoscale.limited", WARNING, "autoscaling is limited", text)
            elif made.result != "dry run":
                text = f"{change}; {made.result}"
                yield Message(id, made.time, "autoscale.failed", WARNING, "autoscaling failed", text)


def of_event(event: Event, id: str, time: float) -> Message | None:
    """The message for an event of the agent that is stored nowhere; None if it needs no notification."""
    if isinstance(event, DriftRepaired):
        text = "; ".join(event.differences)
        return Message(id, time, "replica.drift", WARNING, "changed without videa, and repaired", text)
    if isinstance(event, ReplicaLeftOut):
        text = f"{event.replica} runs release {event.release or 'without a name'}; to roll a release out: videa deploy"
        return Message(id, time, "replica.left_out", WARNING, "a replica gets no requests", text)
    if isinstance(event, DutyFailed):
        return Message(
            id, time, "agent.failed", WARNING, "the agent could not do something", f"{event.duty}: {event.reason}"
        )
    return None


def of_replica(name: str, out: bool, reason: str, id: str, time: float) -> Message:
    """The message that a replica has left the balancer or has returned."""
    if out:
        return Message(id, time, "replica.out", WARNING, "replica out", f"{name}: {reason or 'it does not answer'}")
    return Message(id, time, "replica.back", INFO, "replica back", f"{name}{f': {reason}' if reason else ''}")


def of_findings(
    before: Findings, found: Mapping[str, tuple[str, str]], checked: Collection[str], time: float
) -> tuple[Findings, list[Message]]:
    """Compares the doctor's findings with the reported ones: a change that two runs in a row agree on gives a message.

    A single run may be wrong, because a source was slow or a container was being replaced. Therefore one run alone
    neither adds a finding nor resolves one.

    ``found``: key -> (the doctor's severity, title); ``checked``: ids of the checks that ran. Findings of other checks
    are neither new nor resolved.
    """
    known = before.told
    new = [key for key in found if key not in known]
    missing = [key for key in known if key not in found and _was_checked(key, checked)]
    confirmed = {key for key in (*new, *missing) if key in before.unconfirmed}
    messages = [_new_finding(key, *found[key], time) for key in new if key in confirmed]
    messages += [_gone_finding(key, known[key], time) for key in missing if key in confirmed]
    titles = {key: title for key, title in known.items() if key not in missing or key not in confirmed}
    titles |= {key: title for key, (_, title) in found.items() if key in known or key in confirmed}
    unchecked = [key for key in before.unconfirmed if key not in found and not _was_checked(key, checked)]
    unconfirmed = (*unchecked, *(key for key in (*new, *missing) if key not in confirmed))
    return Findings(titles, unconfirmed), messages


def _was_checked(key: str, checked: Collection[str]) -> bool:
    return key.split(maxsplit=1)[0] in checked


def _new_finding(key: str, severity: str, title: str, time: float) -> Message:
    level = {"fail": CRITICAL, "warn": WARNING}.get(severity, INFO)
    text = f"{title} ({key}); why, and what to do: videa doctor"
    return Message(identity("doctor", key, time), time, "doctor.new", level, "the doctor found something", text)


def _gone_finding(key: str, title: str, time: float) -> Message:
    id = identity("doctor", key, time, "gone")
    return Message(id, time, "doctor.gone", INFO, "a finding of the doctor is gone", f"{title} ({key})")
