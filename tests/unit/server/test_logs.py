from __future__ import annotations

import json
import logging
import os
from typing import Any

from server.logs import LogWriter, request_id


def written(use: Any) -> list[dict[str, Any]]:
    reading, writing = os.pipe()
    writer = LogWriter("one", "v1", writing)
    try:
        use(writer)
    finally:
        writer.close()
        os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        return [json.loads(line) for line in stream]


def test_a_record_is_one_line_of_json_with_who_and_when() -> None:
    def use(writer: LogWriter) -> None:
        token = request_id.set("abc-1")
        record = logging.makeLogRecord(
            {"name": "x", "levelname": "INFO", "levelno": 20, "msg": "two\nlines", "extra_field": 7}
        )
        writer.emit(record)
        request_id.reset(token)

    (line,) = written(use)
    assert line["message"] == "two\nlines"
    assert (line["instance"], line["release"], line["request_id"], line["extra_field"]) == ("one", "v1", "abc-1", 7)
    assert line["ts"].endswith("Z")


def test_an_exception_keeps_its_traceback() -> None:
    def use(writer: LogWriter) -> None:
        try:
            raise RuntimeError("boom")
        except RuntimeError as error:
            info = (type(error), error, error.__traceback__)
            writer.emit(logging.makeLogRecord({"levelname": "ERROR", "levelno": 40, "msg": "bad", "exc_info": info}))

    (line,) = written(use)
    assert "RuntimeError: boom" in line["exception"]


def test_a_line_that_cannot_be_encoded_costs_neither_the_others_nor_the_writer() -> None:
    def use(writer: LogWriter) -> None:
        for path in ("/a", "/\udcff", "/b"):
            writer.access((0.5, "r", "GET", path, 200, 0.0015, 12, "10.0.0.1", 7))

    first, lost, last = written(use)
    assert (first["path"], last["path"]) == ("/a", "/b")
    assert lost["message"] == "log line not encoded"
    assert "udcff" in lost["line"]


def test_access_entries_become_lines() -> None:
    (line,) = written(lambda writer: writer.access((0.5, "r", "GET", "/a", 200, 0.0015, 12, "10.0.0.1", 7)))
    assert line["ts"] == "1970-01-01T00:00:00.500Z"
    assert (line["duration_ms"], line["status"], line["client"], line["user"]) == (1.5, 200, "10.0.0.1", 7)


def test_while_nobody_reads_lines_are_dropped_and_counted_and_nothing_waits() -> None:
    reading, writing = os.pipe()
    writer = LogWriter("one", "v1", writing)
    wanted = 100_000
    for _ in range(wanted):
        writer.access((0.5, "r", "GET", "/a", 200, 0.0015, 12, "10.0.0.1", 7))
    with os.fdopen(reading, "rb") as stream:
        seen = dropped = 0
        for line in map(json.loads, stream):
            seen += line["message"] == "request"
            dropped += line.get("dropped", 0)
            if seen + dropped == wanted:
                break
        writer.close()
    os.close(writing)
    assert seen > 0
    assert dropped > 0


def test_long_texts_are_dropped_earlier() -> None:
    reading, writing = os.pipe()
    writer = LogWriter("one", "v1", writing)
    path, wanted = "/" + "a" * 8000, 10_000
    for _ in range(wanted):
        writer.access((0.5, "r", "GET", path, 200, 0.0015, 12, "10.0.0.1", 7))
    with os.fdopen(reading, "rb") as stream:
        size = dropped = 0
        for text in stream:
            size += len(text)
            dropped = json.loads(text).get("dropped", 0)
            if dropped:
                break
        writer.close()
    os.close(writing)
    assert dropped > wanted / 2
    assert size < 2.1 * 8_000_000
