"""Reports the progress of a transfer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.events import Emit, Transferred

LEAST = 1 << 20
"""Bytes between two reports; a hundredth of the total if that is more."""


def counted(chunks: Iterable[bytes], what: str, total: int, emit: Emit) -> Iterator[bytes]:
    """The chunks; emits events for the progress. ``total``: the expected number of bytes, 0 if unknown."""
    done, reported = 0, 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if done - reported >= max(LEAST, total // 100):
            emit(Transferred(what, done, total))
            reported = done
