"""Lines in Docker's stream of frames."""

from __future__ import annotations

import pytest

from ops.engine.frames import Demultiplexer, contents


def frame(kind: int, content: bytes) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def test_each_line_is_complete_wherever_the_frames_and_the_chunks_end() -> None:
    stream = frame(1, b"one\nhal") + frame(2, b"[alert] a wor") + frame(1, b"f\n") + frame(1, b"")
    stream += frame(1, b"two\n" * 300) + frame(2, b"ker\n") + frame(1, b"begun")
    for size in (1, 3, 7, 8, 9, 100, len(stream)):
        demultiplexer = Demultiplexer()
        output = b"".join(demultiplexer.feed(stream[start : start + size]) for start in range(0, len(stream), size))
        assert output.endswith(b"\n")
        assert sorted(output.split()) == sorted(b"one half [alert] a worker".split() + [b"two"] * 300)
        assert set(output.splitlines()) == {b"one", b"half", b"two", b"[alert] a worker"}


def test_an_incomplete_frame_waits_for_its_end() -> None:
    demultiplexer = Demultiplexer()
    complete = frame(1, b"text\n")
    assert demultiplexer.feed(complete[:10]) == b""
    assert demultiplexer.feed(complete[10:]) == b"text\n"


def test_what_a_command_has_printed_is_in_its_order() -> None:
    assert contents(frame(1, b"a\n") + frame(2, b"b") + frame(1, b"c\n")) == b"a\nbc\n"


@pytest.mark.parametrize("text", [b"", b"plain text of a terminal\n", b"short", b"\x01\x00\x00"])
def test_the_output_of_a_terminal_has_no_frames(text: bytes) -> None:
    assert contents(text) == text
