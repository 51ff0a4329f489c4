"""A file that is named may be anything: it is read in bounded time and memory, or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project.reading import LARGEST, read_small


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(ConfigError, match="not a regular file"):
        read_small(tmp_path / ".env")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "."])
def test_what_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(ConfigError):
        read_small(Path(path))


def test_a_file_may_have_a_bounded_size(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"#" * LARGEST)
    assert len(read_small(file)) == LARGEST
    file.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        read_small(file)


@pytest.mark.parametrize("name", ["gone", "/dev/null", "gone/.env"])
def test_nothing_is_nothing(tmp_path: Path, name: str) -> None:
    assert read_small(tmp_path / name) == b""


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000])
def test_a_name_that_is_too_long_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="too long"):
        read_small(tmp_path / name)
