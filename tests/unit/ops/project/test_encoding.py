"""Which texts are UTF-8."""

from __future__ import annotations

import os

from ops.project.encoding import is_utf8


def test_bytes_that_are_not_utf8_are_told_apart() -> None:
    assert is_utf8("é\u2028")
    assert not is_utf8(os.fsdecode(b"caf\xe9"))
