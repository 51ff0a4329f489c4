"""Lines of nginx's log, with any content that clients may send."""

from __future__ import annotations

import pytest

from ops.balancer.access_log import Dropped, Line, Lines, dropped, gap, parse

GOOD = (
    b'{"time":1795438895.531,"status":200,"seconds":0.012,"request_id":"abc123","method":"GET","path":"/api",'
    b'"upstream":"172.29.0.3:3001, 172.29.0.4:3001","upstream_status":"502, 200","upstream_seconds":"0.001, 0.010",'
    b'"bytes":300,"remote":"172.28.0.1","host":"h","scheme":"http","agent":"curl","tester":"app"}'
)


def test_the_fields_of_a_line() -> None:
    assert parse(GOOD) == Line(
        time=1795438895.531,
        status=200,
        seconds=0.012,
        request_id="abc123",
        method="GET",
        path="/api",
        upstream="172.29.0.3:3001, 172.29.0.4:3001",
        upstream_status="502, 200",
        upstream_seconds="0.001, 0.010",
        remote="172.28.0.1",
        tester="app",
    )


@pytest.mark.parametrize(
    ("status", "failed"), [(200, False), (404, False), (499, False), (500, True), (504, True), (0, True)]
)
def test_failed_are_server_errors_and_missing_answers(status: int, failed: bool) -> None:
    line = parse(GOOD.replace(b'"status":200', b'"status":%d' % status))
    assert line is not None
    assert line.failed == failed


@pytest.mark.parametrize(
    ("upstream", "tried", "address"),
    [
        (b"", [], ""),
        (b"10.0.0.3:3001", ["10.0.0.3:3001"], "10.0.0.3"),
        (b"10.0.0.3:3001, 10.0.0.4:3001", ["10.0.0.3:3001", "10.0.0.4:3001"], "10.0.0.4"),
        (b"app : 10.0.0.4:3001", ["app", "10.0.0.4:3001"], "10.0.0.4"),
        (b"10.0.0.3:3001, app", ["10.0.0.3:3001", "app"], ""),
    ],
)
def test_the_tried_addresses_and_the_last_one(upstream: bytes, tried: list[str], address: str) -> None:
    line = parse(GOOD.replace(b"172.29.0.3:3001, 172.29.0.4:3001", upstream))
    assert line is not None
    assert (line.tried, line.answered_by) == (tried, address)


def test_the_wait_for_a_stream_ends_with_its_first_byte() -> None:
    line = parse(
        GOOD.replace(b'"seconds":0.012', b'"seconds":31.020').replace(
            b'"upstream_seconds":"0.001, 0.010"', b'"upstream_seconds":"0.001, 31.000","upstream_first":"-, 0.004"'
        )
    )
    assert line is not None
    assert line.waited == pytest.approx(0.024)


@pytest.mark.parametrize("first", [b"-", b"0.001, -", b""])
def test_without_a_first_byte_the_total_time_is_the_wait(first: bytes) -> None:
    line = parse(GOOD.replace(b'"0.001, 0.010"', b'"0.001, 0.010","upstream_first":"%b"' % first))
    assert line is not None
    assert line.waited == 0.012


@pytest.mark.parametrize("field", [b'"path":"/api', b'"agent":"curl', b'"host":"h'])
def test_a_request_with_invalid_utf8_is_parsed(field: bytes) -> None:
    line = parse(GOOD.replace(field, field + b"\xff\xfe"))
    assert line is not None
    assert line.status == 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"2026/11/23 13:01:33 [error] 11#11: backend could not be resolved",
        b"videa: nginx refuses it",
        GOOD[:100],
        b'{"level":"info"}',
        b"{",
    ],
)
def test_other_output_is_not_a_request(text: bytes) -> None:
    assert parse(text) is None


def test_the_number_of_dropped_lines_is_only_in_a_line_of_its_own() -> None:
    notice = b'{"time":1795438895,"level":"warning","message":"log lines dropped","dropped":1234}'
    assert dropped(notice) == Dropped(1795438895, 1234)
    assert dropped(GOOD) is dropped(GOOD.replace(b"/api", notice)) is dropped(b"") is None
    assert parse(notice) is None


def test_a_killed_worker_is_a_gap_and_one_that_ends_is_none() -> None:
    killed = b"2026/11/26 09:13:01 [alert] 7#7: worker process 31 exited on signal 9"
    assert gap(killed) == "a worker of nginx was ended by signal 9, and its requests are not logged"
    assert gap(killed + b" (core dumped)") == gap(killed)
    for other in (
        b"2026/11/26 09:13:01 [notice] 7#7: worker process 31 exited with code 0",
        b'2026/11/26 09:13:01 [error] 31#31: *4 upstream timed out, request: "GET /' + killed + b'"',
        GOOD.replace(b"/api", killed),
        b"",
    ):
        assert gap(other) == ""


def test_chunks_may_end_within_a_line() -> None:
    text = b"first\nsecond\n\nthird\n"
    for size in range(1, len(text)):
        lines = Lines()
        split = [line for start in range(0, len(text), size) for line in lines.feed(text[start : start + size])]
        assert split == [b"first", b"second", b"", b"third"]


def test_an_incomplete_line_waits_for_its_end() -> None:
    lines = Lines()
    assert lines.feed(b"abc") == []
    assert lines.feed(b"def\nx") == [b"abcdef"]
