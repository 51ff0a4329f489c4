"""The numbers of the command line: plain digits, within bounds."""

from __future__ import annotations

import pytest
import typer

from videa_cli.numbers import decimal, whole


@pytest.mark.parametrize(("given", "number"), [("1", 1), ("007", 7), (3, 3), ("999999999", 999_999_999)])
def test_whole_numbers(given: object, number: int) -> None:
    assert whole(1)(given) == number


@pytest.mark.parametrize(
    "given", ["0", "-1", "+1", "", " 1", "1.0", "1_0", "1e3", "\uff19", "\u0663", "1\n", "9" * 5000]
)
def test_what_is_not_a_whole_number_is_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter):
        whole(1)(given)


@pytest.mark.parametrize(("given", "number"), [("1", 1.0), ("2.5", 2.5), (10.0, 10.0)])
def test_decimals(given: object, number: float) -> None:
    assert decimal(0.5)(given) == number


@pytest.mark.parametrize("given", ["0.4", "-1", "nan", "inf", "1e9", "1_0.0", "\uff19", ".5", "5.", "1" * 400])
def test_what_is_not_a_decimal_is_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter):
        decimal(0.5)(given)
