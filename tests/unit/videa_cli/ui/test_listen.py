from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ops.errors import UsageError
from tests.unit.ops.fakes import fake_stack
from videa_cli.ui.listen import Beside
from videa_cli.ui.server import make_app
from videa_cli.ui.session import Sessions
from videa_cli.ui.source import Source


def beside(folder: Path, port: int = 0) -> Beside:
    stack = fake_stack(folder)
    return Beside(make_app(Source(lambda: stack), Sessions(), read_only=True), port, "the-token")


def test_the_page_is_served_beside_other_work_until_it_is_closed(tmp_path: Path) -> None:
    page = beside(tmp_path)
    address, token = page.address.split("#")
    assert token == "the-token"
    with urllib.request.urlopen(address) as answer:
        assert b"Token" in answer.read()
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UsageError, match="cannot be used"):
        beside(tmp_path, port)
    page.close()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(address)
