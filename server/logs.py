"""JSON log lines, encoded and written by a thread, so that no request waits for stdout."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from contextvars import ContextVar
from typing import Any

import msgspec

# While Docker does not read stdout, log lines are dropped instead of using memory. The limit is in characters: it
# counts the texts that clients or errors can make long, and _REST for the rest of a line.
_MAX_BUFFERED = 8_000_000
_REST = 400
# Maximum lines that are encoded at a time, because encoding holds the GIL.
_BATCH = 500
_FLUSH_SECONDS = 0.05
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

AccessEntry = tuple[float, str | None, str, str, int, float, int, str | None, int | None]


class AccessLine(msgspec.Struct):
    """One line of the access log."""

    ts: str
    request_id: str | None
    method: str
    path: str
    status: int
    duration_ms: float
    bytes: int
    client: str | None
    user: int | None
    instance: str
    release: str
    level: str = "info"
    logger: str = "videa.access"
    message: str = "request"


class LogWriter(logging.Handler):
    """Collects records and access entries in a list; a daemon thread encodes and writes them."""

    def __init__(self, instance: str, release: str, fileno: int) -> None:
        super().__init__()
        self._who = (instance, release)
        self._second = (0, "1970-01-01T00:00:00.")
        self._common = {"instance": instance, "release": release}
        self._fileno = fileno
        self._entries: list[dict[str, Any] | AccessEntry] = []
        self._buffered = self._dropped = 0
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self._closing = False
        self._encode = msgspec.json.Encoder(enc_hook=str).encode_lines
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one record; errors are written at once, the rest within 0.05 s."""
        entry: dict[str, Any] = {
            "ts": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        entry.update((key, value) for key, value in record.__dict__.items() if key not in _STANDARD)
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = "".join(traceback.format_exception(*record.exc_info))
        self._append(entry, len(entry["message"]) + len(entry.get("exception", "")))
        if record.levelno >= logging.ERROR:
            self._wake.set()

    def access(self, entry: AccessEntry) -> None:
        """Queue one access line: (unix time, request id, method, path, status, seconds, bytes, client, user)."""
        self._append(entry, len(entry[3]))

    def close(self) -> None:
        """Write the remaining lines and end the thread."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2.0)
        super().close()

    def _append(self, entry: dict[str, Any] | AccessEntry, length: int) -> None:
        if self._buffered < _MAX_BUFFERED:
            self._buffered += length + _REST
            self._entries.append(entry)
        else:
            self._dropped += 1

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(_FLUSH_SECONDS)
            self._wake.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._writing:
            entries, self._entries, self._buffered = self._entries, [], 0
            dropped, self._dropped = self._dropped, 0
            if dropped:
                entries.append(
                    {"ts": time.time(), "level": "warning", "message": "log lines dropped", "dropped": dropped}
                )
            for start in range(0, len(entries), _BATCH):
                data = self._encode_all([self._line(entry) for entry in entries[start : start + _BATCH]])
                while data:
                    try:
                        data = data[os.write(self._fileno, data) :]
                    except OSError:
                        return

    def _encode_all(self, lines: list[dict[str, Any] | AccessLine]) -> bytes:
        try:
            return self._encode(lines)
        except Exception:
            # One line that cannot be encoded must affect neither the others nor this thread.
            return b"".join(self._encode_one(line) for line in lines)

    def _encode_one(self, line: dict[str, Any] | AccessLine) -> bytes:
        try:
            return self._encode([line])
        except Exception:
            return self._encode([{"level": "warning", "message": "log line not encoded", "line": ascii(line)}])

    def _line(self, entry: dict[str, Any] | AccessEntry) -> dict[str, Any] | AccessLine:
        if isinstance(entry, tuple):
            at, rid, method, path, status, seconds, size, client, user = entry
            milliseconds = round(seconds * 1000, 3)
            ts = self._timestamp(at)
            return AccessLine(ts, rid, method, path, status, milliseconds, size, client, user, *self._who)
        entry["ts"] = self._timestamp(entry["ts"])
        return entry | self._common

    def _timestamp(self, seconds: float) -> str:
        full = int(seconds)
        if full != self._second[0]:
            self._second = (full, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(full)))
        return f"{self._second[1]}{int((seconds - full) * 1000):03d}Z"


def configure_logging(instance: str, release: str, level: str) -> LogWriter:
    """Send every logger of the process to stdout as JSON lines; returns the writer, which the caller must close."""
    writer = LogWriter(instance, release, sys.stdout.fileno())
    root = logging.getLogger()
    root.handlers[:] = [writer]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    return writer
