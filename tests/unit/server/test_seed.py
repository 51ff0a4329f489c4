from __future__ import annotations

import msgspec

from server.seed import make_titles
from server.titles import TitleFields


def test_the_same_number_is_the_same_title_on_every_run() -> None:
    assert list(make_titles(60))[50:] == list(make_titles(60, first=50))


def test_every_seed_title_would_pass_the_api() -> None:
    for _, title in make_titles(500):
        msgspec.convert(msgspec.to_builtins(title), TitleFields)
