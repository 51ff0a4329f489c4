"""Taking standard output out of Docker's frames."""

from __future__ import annotations

from ops.engine.logs import Demultiplexer


def frame(kind: int, content: bytes) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def test_standard_error_is_left_out_wherever_the_stream_is_cut() -> None:
    stream = frame(1, b"one\n") + frame(2, b"[error] noise\n") + frame(1, b"") + frame(1, b"two\n" * 300)
    for size in (1, 3, 7, 8, 9, 100, len(stream)):
        demultiplexer = Demultiplexer()
        found = b"".join(demultiplexer.feed(stream[start : start + size]) for start in range(0, len(stream), size))
        assert found == b"one\n" + b"two\n" * 300


def test_an_unfinished_frame_waits() -> None:
    demultiplexer = Demultiplexer()
    whole = frame(1, b"text")
    assert demultiplexer.feed(whole[:10]) == b""
    assert demultiplexer.feed(whole[10:]) == b"text"
