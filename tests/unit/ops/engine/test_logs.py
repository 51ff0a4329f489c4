"""Standard output in Docker's stream of frames."""

from __future__ import annotations

from ops.engine.logs import Demultiplexer


def frame(kind: int, content: bytes) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def test_standard_error_is_omitted_wherever_the_chunks_end() -> None:
    stream = frame(1, b"one\n") + frame(2, b"[error] noise\n") + frame(1, b"") + frame(1, b"two\n" * 300)
    for size in (1, 3, 7, 8, 9, 100, len(stream)):
        demultiplexer = Demultiplexer()
        output = b"".join(demultiplexer.feed(stream[start : start + size]) for start in range(0, len(stream), size))
        assert output == b"one\n" + b"two\n" * 300


def test_an_incomplete_frame_waits_for_its_end() -> None:
    demultiplexer = Demultiplexer()
    complete = frame(1, b"text")
    assert demultiplexer.feed(complete[:10]) == b""
    assert demultiplexer.feed(complete[10:]) == b"text"
