"""Special cases of output: a pipe whose reader has exited, a terminal that was closed, padding in tables."""

from __future__ import annotations

import io
import os
import re
from typing import IO, Any

_PADDING = re.compile(r" +\n")


def discard_output(stream: IO[str]) -> None:
    """Discards the stream's buffer and all further output, so that the stream does not fail again at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def show_anything(stream: object) -> None:
    """Makes a stream escape characters that its encoding lacks, as stderr does, instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


class Unbroken:
    """A stream that discards its output after its reader has exited: Ctrl-C also ends the tee of `2>&1 | tee`."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, or discards the text if the output is closed."""
        try:
            return self._stream.write(text)
        except OSError:
            discard_output(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flushes, or discards the buffer if the output is closed."""
        try:
            self._stream.flush()
        except OSError:
            discard_output(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Trimmed:
    """A stream without trailing spaces: tables pad their last column, which a pipe does not need."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text without trailing spaces."""
        return self._stream.write(_PADDING.sub("\n", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
