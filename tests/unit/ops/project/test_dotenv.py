"""An env file is read like by Compose, and written so that Compose reads exactly the same value.

tests/engine/test_dotenv.py compares the results with Compose itself.
"""

from __future__ import annotations

import pytest

from ops.errors import ConfigError
from ops.project.dotenv import assign, quoted, values

SHELL = {"SHELL_ONLY": "s"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A='a$b #1'", "a$b #1"),
        ('A="a$b #1"', "a #1"),
        (r'A="a\$b"', "a$b"),
        ("A=a$$b", "a$b"),
        ("A=plain # comment", "plain"),
        ("A=plain#none", "plain#none"),
        ("export A=1", "1"),
        ("A = spaced  ", "spaced"),
        ("A: yaml", "yaml"),
        ("A='one\ntwo'", "one\ntwo"),
        ('A="one\\ntwo"', "one\ntwo"),
        (r"A='a\nb'", r"a\nb"),
        (r"A='it\'s'", "it's"),
        (r'A="q\"q"', 'q"q'),
        ("A=1\r\nB=2\r\n", "1"),
        ("\ufeffA=1", "1"),
        ("A=1\nA=2", "2"),
        ("A=${B:-d}", "d"),
        ("B=1\nA=${B:-d}", "1"),
        ("A=${SHELL_ONLY}", "s"),
        ("A=${NONE:+x}y", "y"),
        ("A=${NONE:-${ALSO:-deep}}", "deep"),
        ("A=", ""),
        ('A=""', ""),
        ("# A=1\n\n  A=2", "2"),
        ("A=\x1c", "\x1c"),
        ("A=b\u2028\x0c\nB=1", "b"),
        ("\u2028A=b\x0cc", "b\x0cc"),
    ],
)
def test_a_value_is_read_like_by_compose(text: str, wanted: str) -> None:
    assert values(text, SHELL)["A"] == wanted


def test_a_name_without_a_value_takes_it_from_the_shell() -> None:
    assert values("SHELL_ONLY\nNOWHERE\n", SHELL) == {"SHELL_ONLY": "s"}


@pytest.mark.parametrize(
    "text",
    [
        "A0=xx\n" + "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 60)),
        f"A={'x' * 100_000}\nB={'$A' * 100_000}",
        "B=" + "${A:-" * 100_000,
    ],
    ids=["doubled sixty times", "repeated in one value", "nested"],
)
def test_a_file_that_stands_for_gigabytes_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\.env: line \d+ repeats"):
        values(text, {})


@pytest.mark.parametrize("text", ["A='never ends", "A-B C=1", "just words", 'B=1\nA="x\ny'])
def test_a_line_that_compose_refuses_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\.env: line \d") as refused:
        values(text, {})
    assert "never" not in refused.value.message


@pytest.mark.parametrize(
    "value",
    ["", "plain", "a b", "a$b #1", "it's", 'say "x"', "'\"", "back\\slash", "end\\", "\\'", "\\n", "a\nb", "a\r\nb",
     "#", "${A}", "$$", "it's $FIRST", "it's \\$A", " x ", "é", "a=b", "\t", "'a'", '"a"'],
)  # fmt: skip
def test_a_written_value_is_read_back(value: str) -> None:
    text = assign("FIRST=1\n", {"A": value, "LAST": "2"}, {})
    assert values(text, {}) == {"FIRST": "1", "A": value, "LAST": "2"}
    assert values(f"A={quoted(value)}", {"A": "shell"}) == {"A": value}


@pytest.mark.parametrize(
    ("text", "wanted", "after"),
    [
        ("# secrets\nA=1\n\nB=2\nA=3\n", {"A": "9"}, "# secrets\nA=9\n\nB=2\n"),
        ("A=1", {"B": "2"}, "A=1\nB=2"),
        ("", {"B": "2"}, "B=2\n"),
        ("export A=1 # why\n", {"A": "2"}, "export A=2 # why\n"),
        ("A='1' # why\n", {"A": "a b"}, "A='a b' # why\n"),
        ("A='one\ntwo'\nB=1\n", {"A": "x"}, "A=x\nB=1\n"),
        ("A='one\nB=2'\nC=1\n", {"B": "x"}, "A='one\nB=2'\nC=1\nB=x\n"),
        ("A='one\ntwo' # c\nB=1\n", {"A": None}, "B=1\n"),
        ("B=1\nexport A=1 # c", {"A": None}, "B=1"),
        ("A=1\r\nB='x y'\r\n", {"A": "2", "C": "3"}, "A=2\r\nB='x y'\r\nC=3\r\n"),
        ("\ufeffA=1\n", {"A": "2"}, "\ufeffA=2\n"),
        ("A : 1\n", {"A": "2"}, "A : 2\n"),
        ("A\nB=1\n", {"A": "2"}, "A=2\nB=1\n"),
        ("A='a$b #1'\nB=${A}\n", {"A": "a$b #1", "C": None}, "A='a$b #1'\nB=${A}\n"),
        ("#A=1\n", {"A": "2"}, "#A=1\nA=2\n"),
        ("A=\nB=1\n", {"A": "2"}, "A=2\nB=1\n"),
        ("X='a\nREP=1\n'\x0c\nREP=2\u2028\n#\udcff", {"REP": "3"}, "X='a\nREP=1\n'\x0c\nREP=3\u2028\n#\udcff"),
    ],
)
def test_a_change_does_not_touch_other_lines(text: str, wanted: dict[str, str | None], after: str) -> None:
    assert assign(text, wanted, {}) == after


def test_a_change_and_its_reversal_give_the_same_file() -> None:
    text = "# mine\nexport IMAGE='a$b #1' # pinned\nKEY=\"m\nn\"\nLAST=1"
    there = assign(text, {"IMAGE": "new:2"}, {})
    assert assign(there, {"IMAGE": "a$b #1"}, {}) == text


@pytest.mark.parametrize(
    "text", ["", "A=1", "A=1\n", "A=1\r\nB=2", "# only a comment", "A=1\n\n", "\ufeff", "\ufeffA=1"]
)
def test_a_variable_that_is_added_and_removed_leaves_the_same_bytes(text: str) -> None:
    there = assign(text, {"NEW": "1", "OTHER": "2"}, {})
    assert values(there, {})["OTHER"] == "2"
    assert assign(there, {"NEW": None, "OTHER": None}, {}) == text
