from __future__ import annotations

import pytest

from server.auth.emails import normal_email


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Ada@mozi.example", "Ada@mozi.example"),
        ("a.\u212a@mozi.example", "a.K@mozi.example"),  # the Kelvin sign
        ("\uff41da@mozi.example", "ada@mozi.example"),  # full width
        ("\u00e1gnes@mozi.example", "\u00e1gnes@mozi.example"),
        ("a\u0301gnes@mozi.example", "\u00e1gnes@mozi.example"),
    ],
)
def test_what_means_the_same_has_one_spelling(typed: str, normal: str) -> None:
    assert normal_email(typed) == normal


@pytest.mark.parametrize(
    "typed",
    [
        *("", "ada", "ada@mozi", "a b@mozi.example", "@mozi.example", "a@b@mozi.example", "x" * 250 + "@b.de"),
        *("ada@mozi.example\0", "a\0da@mozi.example", "ada@mozi.example\n", "a\u200bda@mozi.example", "\udcff@b.de"),
        "\ufdfa" * 60 + "@b.de",  # one character that NFKC makes eighteen of
    ],
)
def test_what_is_no_address_or_cannot_be_seen_is_refused(typed: str) -> None:
    assert normal_email(typed) is None
