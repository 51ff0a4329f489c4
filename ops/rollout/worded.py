"""Journals of a videa that wrote its steps down in words: such an operation is still ended, or put back."""

from __future__ import annotations

import re

import msgspec

from ops.steps import AnyStep, Follow, Keep, Worded

_KEEP = re.compile(r"keep the old ones for ([\d.e+]+) s\b")
_FOLLOW = re.compile(r"let (\S+(?:, \S+)*) follow")


class WordedEntry(msgspec.Struct, frozen=True, tag="step"):
    """A step was about to begin, as it was written down then. ``time``: Unix time."""

    number: int
    total: int
    text: str
    share: float | None = None
    time: float = 0.0


class WordedNote(msgspec.Struct, frozen=True, tag="note"):
    """A remark such as a verdict, as it was written down then: nothing depends on it."""

    text: str


def typed(entry: WordedEntry) -> AnyStep:
    """The step, as far as it matters which one it was: what goes on or goes back asks for these two and for shares."""
    if keep := _KEEP.match(entry.text):
        return Keep(float(keep[1]))
    if followed := _FOLLOW.fullmatch(entry.text):
        return Follow(tuple(followed[1].split(", ")))
    return Worded(entry.text, entry.share)
