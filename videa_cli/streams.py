"""What is written where nobody reads any more: a pipe whose reader has ended, a terminal that was closed."""

from __future__ import annotations

import os
from typing import IO, Any


def send_nowhere(stream: IO[str]) -> None:
    """Lets all that the stream still holds, and what follows, vanish, so that it does not fail again at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Unbroken:
    """A stream that goes on, unseen, when whoever read it is gone: Ctrl-C ends `2>&1 | tee` too."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, or does not."""
        try:
            return self._stream.write(text)
        except OSError:
            send_nowhere(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flushes, or does not."""
        try:
            self._stream.flush()
        except OSError:
            send_nowhere(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
