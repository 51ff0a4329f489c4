"""Journals of an older videa, with steps as text: such an operation can still be completed or rolled back."""

from __future__ import annotations

import re

import msgspec

from ops.steps import AnyStep, Follow, Keep, Worded

_KEEP = re.compile(r"keep the old ones for ([\d.e+]+) s\b")
_FOLLOW = re.compile(r"let (\S+(?:, \S+)*) follow")


class WordedEntry(msgspec.Struct, frozen=True, tag="step"):
    """The text of a step that was about to start. ``time``: Unix time."""

    number: int
    total: int
    text: str
    share: float | None = None
    time: float = 0.0


class WordedNote(msgspec.Struct, frozen=True, tag="note"):
    """A remark such as a verdict, as text: nothing depends on it."""

    text: str


def typed(entry: WordedEntry) -> AnyStep:
    """The entry as a typed step, as far as needed: resume and rollback depend only on these two types and on shares."""
    if keep := _KEEP.match(entry.text):
        return Keep(float(keep[1]))
    if followed := _FOLLOW.fullmatch(entry.text):
        return Follow(tuple(followed[1].split(", ")))
    return Worded(entry.text, entry.share)
