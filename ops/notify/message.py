"""A notification, and what is stored of all of them: the queue, what was already sent, and the state of each target."""

from __future__ import annotations

import msgspec

from ops.documents import Kind, TypedDocument

MOST = 200
"""Notifications in the queue; the oldest leave it first. They are a document of the engine, read every few seconds."""

LONGEST = 800
"""Characters of a text."""

REMEMBERED = 600
"""Number of ids that are remembered and not sent again: the history has 200 entries."""


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
        """With a bounded text."""
        if len(self.text) <= LONGEST:
            return self
        return msgspec.structs.replace(self, text=f"{self.text[: LONGEST - 1]}…")


class Item(msgspec.Struct, frozen=True):
    """A queued message. ``to``: the targets that do not have it yet; ``held``: Unix time until which it may grow."""

    message: Message
    to: tuple[str, ...]
    held: float = 0.0


class Window(msgspec.Struct, frozen=True):
    """How many of a kind there were since ``start``, Unix time; ``folded``: the id of the message with the rest."""

    start: float
    count: int
    folded: str = ""


class TestResult(msgspec.Struct, frozen=True):
    """Of the last test. ``error``: empty if the target took it."""

    __test__ = False

    id: str
    time: float
    error: str = ""


class TargetState(msgspec.Struct, frozen=True):
    """``delivered``, ``dropped``: messages, since the target is known; ``delivered_at``: Unix time of the last.

    ``tries``: failed ones in a row; ``next``: Unix time before which there is none; ``error``: of the last, one line
    without secrets.
    """

    delivered: int = 0
    delivered_at: float = 0.0
    dropped: int = 0
    tries: int = 0
    next: float = 0.0
    error: str = ""
    test: TestResult | None = None


class Findings(msgspec.Struct, frozen=True):
    """The doctor's findings, by their keys. ``told``: those that a message reported, with their titles.

    ``unconfirmed``: those in which the last look differs from ``told``: new or gone if the next one agrees with it.
    """

    told: dict[str, str] = {}
    unconfirmed: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True):
    """``since``: Unix time of the first look, 0 before it. ``told``: ids of messages, the newest last.

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
