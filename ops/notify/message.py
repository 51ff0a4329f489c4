"""A notification, and the stored state of all: the queue, what was already reported, and the state of each target."""

from __future__ import annotations

import msgspec

from ops.documents import Kind, TypedDocument

MOST = 200
"""Maximum messages in the queue; the oldest are dropped. The queue is a document that is read every few seconds."""

LONGEST = 800
"""Maximum characters of a text."""

REMEMBERED = 600
"""Number of remembered ids, which are not reported again: the history has 200 entries."""


class Message(msgspec.Struct, frozen=True):
    """``id``: the same in each try; ``time``: Unix time at which it happened; ``kind``: see ``ops.project.notify``.

    ``severity``: info, warning or critical; ``count``: more than 1 if several are folded into it.
    """

    id: str
    time: float
    kind: str
    severity: str
    title: str
    text: str
    count: int = 1

    @property
    def short(self) -> Message:
        """The message with a text of bounded length."""
        if len(self.text) <= LONGEST:
            return self
        return msgspec.structs.replace(self, text=f"{self.text[: LONGEST - 1]}…")


class Item(msgspec.Struct, frozen=True):
    """A queued message. ``to``: targets that lack it; ``held``: Unix time until which others may be folded into it."""

    message: Message
    to: tuple[str, ...]
    held: float = 0.0


class Window(msgspec.Struct, frozen=True):
    """Number of messages of a kind since ``start``, Unix time; ``folded``: the id of the message with the rest."""

    start: float
    count: int
    folded: str = ""


class TestResult(msgspec.Struct, frozen=True):
    """The result of the last test. ``error``: empty if the target accepted it."""

    __test__ = False

    id: str
    time: float
    error: str = ""


class TargetState(msgspec.Struct, frozen=True):
    """``delivered``, ``dropped``: number of messages so far; ``delivered_at``: Unix time of the last delivery.

    ``tries``: failed tries in a row; ``next``: Unix time of the earliest next try; ``error``: that of the last try, one
    line without secrets.
    """

    delivered: int = 0
    delivered_at: float = 0.0
    dropped: int = 0
    tries: int = 0
    next: float = 0.0
    error: str = ""
    test: TestResult | None = None


class Findings(msgspec.Struct, frozen=True):
    """The doctor's findings, by their keys. ``told``: those that a message has reported, with their titles.

    ``unconfirmed``: those in which the last run differs from ``told``; they become new or resolved if the next run
    agrees.
    """

    told: dict[str, str] = {}
    unconfirmed: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True):
    """``since``: Unix time of the first check, 0 before it. ``told``: ids of reported messages, newest last.

    ``out``: the replicas that were reported as out; ``findings``, ``unconfirmed``: see ``Findings``.
    """

    since: float = 0.0
    told: tuple[str, ...] = ()
    out: tuple[str, ...] = ()
    findings: dict[str, str] | None = None
    unconfirmed: tuple[str, ...] = ()
    windows: dict[str, Window] = {}
    queue: tuple[Item, ...] = ()
    targets: dict[str, TargetState] = {}


DOCUMENT = TypedDocument(Kind.NOTIFY, State, State())
