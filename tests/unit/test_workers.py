"""Tests of a file that share what it has made run in one worker; without this, each worker makes it again."""

from __future__ import annotations

import pytest


def test_a_file_stays_in_one_worker(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only one process, or files are not kept together: `make test` keeps them")
    assert request.node.nodeid.endswith("@unit/test_workers.py")
