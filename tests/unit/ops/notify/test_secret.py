"""Where URLs and keys come from."""

from __future__ import annotations

from pathlib import Path

from ops.notify.secret import value_of


def test_a_variable_or_the_file_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("json://host\n")
    assert value_of("URL", {"URL": " json://a "}) == "json://a"
    assert value_of("URL", {"URL_FILE": str(path)}) == "json://host"
    assert value_of("URL", {"URL_FILE": str(tmp_path / "none")}) == ""
    assert value_of("URL", {}) == ""
