"""The queue: which targets get a message, how a burst is combined, and when a failed delivery is retried. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from ops.notify.message import MOST, REMEMBERED, Item, Message, State, TargetState, TestResult, Window
from ops.project.notify import TEST, selects
from ops.project.settings import Level, Receiver

STORM = 10
"""Messages of one kind in a window that are sent one by one."""

WINDOW = 30.0
"""Seconds."""

OLDEST = 24 * 3600.0
"""Seconds after which a message that a target never took is dropped."""

LEVELS = [level.value for level in Level]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds until the next try after a failed one; twice as long after each further one."""


def add(state: State, messages: Iterable[Message], receivers: Mapping[str, Receiver], now: float) -> State:
    """Queues messages that were not sent before for the targets that want them. ``now``: Unix time."""
    for message in messages:
        if message.id in state.told:
            continue
        to = tuple(name for name, each in receivers.items() if selects(each, message.kind, message.severity))
        state = replace(state, told=(*state.told, message.id))
        if to and now - message.time < OLDEST:
            state = _folded(state, message.short, to, now)
    return state


def forgotten(state: State, current: Collection[str]) -> State:
    """Without old ids. ``current``: the ids of what is stored now, which would be sent again."""
    more = len(state.told) - REMEMBERED
    return replace(state, told=tuple(id for at, id in enumerate(state.told) if at >= more or id in current))


def add_test(state: State, message: Message, to: Iterable[str]) -> State:
    """Queues a test for these targets, whatever they select."""
    return replace(state, queue=(*state.queue, Item(message, tuple(to))))


def without(state: State, id: str) -> State:
    """Without a message that is no longer wanted."""
    return replace(state, queue=tuple(item for item in state.queue if item.message.id != id))


def _folded(state: State, message: Message, to: tuple[str, ...], now: float) -> State:
    window = state.windows.get(message.kind)
    if window is None or not 0 <= now - window.start < WINDOW:
        window = Window(now, 0)
    held = window.start + WINDOW
    place = next((at for at, item in enumerate(state.queue) if item.message.id == window.folded), None)
    queue = list(state.queue)
    if window.count < STORM:
        queue.append(Item(message, to))
    elif place is None:
        window = replace(window, folded=message.id)
        queue.append(Item(message, to, held))
    else:
        queue[place] = _with_one_more(queue[place], message, to)
    windows = {kind: each for kind, each in state.windows.items() if 0 <= now - each.start < WINDOW}
    windows[message.kind] = replace(window, count=window.count + 1)
    return replace(state, windows=windows, queue=tuple(queue))


def _with_one_more(item: Item, message: Message, to: tuple[str, ...]) -> Item:
    count = item.message.count + 1
    first = item.message.text.partition("\n")[0]
    folded = replace(
        message,
        id=item.message.id,
        severity=max(item.message.severity, message.severity, key=LEVELS.index),
        title=f"{count} times: {message.title}",
        text=f"{first}\n... and {count - 1} more in {WINDOW:g} s, the last one:\n{message.text}",
        count=count,
    )
    return Item(folded.short, tuple(dict.fromkeys((*item.to, *to))), item.held)


def trimmed(state: State, receivers: Mapping[str, Receiver], now: float) -> State:
    """Without targets that x-videa no longer has, and without messages too old or too many, which count as dropped."""
    targets = {name: state.targets.get(name, TargetState()) for name in receivers}
    items = [replace(item, to=tuple(name for name in item.to if name in receivers)) for item in state.queue]
    items = [item for item in items if item.to]
    fresh = [item for item in items if now - item.message.time < OLDEST][-MOST:]
    for item in items:
        for name in () if item in fresh else item.to:
            targets[name] = replace(targets[name], dropped=targets[name].dropped + 1)
    return replace(state, queue=tuple(fresh), targets=targets)


def due(state: State, target: str, now: float) -> list[Message]:
    """What the target gets now, in order; a test does not wait for the next try of the others."""
    resting = now < state.targets.get(target, TargetState()).next
    items = [item for item in state.queue if target in item.to and item.held <= now]
    return [item.message for item in items if item.message.kind == TEST or not resting]


def next_due(state: State, now: float) -> float | None:
    """Seconds until there is something to send; None with an empty queue."""
    times = [max(item.held, state.targets.get(name, TargetState()).next) for item in state.queue for name in item.to]
    return max(0.0, min(times) - now) if times else None


def settled(state: State, target: str, message: Message, error: str, final: bool, now: float, jitter: float) -> State:
    """After a try. ``error``: empty if the target took it; ``final``: a further try is of no use.

    ``jitter``: 0 to 1, so that not everybody tries at the same time after an outage.
    """
    present = state.targets.get(target, TargetState())
    test = message.kind == TEST
    if not error:
        after = replace(present, delivered=present.delivered + 1, delivered_at=now, tries=0, next=0.0, error="")
    elif test:
        after = present
    elif final:
        after = replace(present, dropped=present.dropped + 1, error=error)
    else:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**present.tries) * (0.75 + jitter / 2)
        after = replace(present, tries=min(present.tries + 1, 30), next=now + pause, error=error)
    if test:
        after = replace(after, test=TestResult(message.id, now, error))
    queue = state.queue
    if not error or test or final:
        items = [_without(item, target) if item.message.id == message.id else item for item in queue]
        queue = tuple(item for item in items if item.to)
    return replace(state, queue=queue, targets={**state.targets, target: after})


def _without(item: Item, target: str) -> Item:
    return replace(item, to=tuple(name for name in item.to if name != target))
