"""Signals wait where something must not be left half done, and are obeyed once where it is put in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ops import interrupts
from ops.interrupts import SIGNALS, allowed, held, settle


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of the test run come back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupts.treat_alike()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals = signal.SIGINT) -> None:
    """To this process; the handler has run when this returns."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_while_it_is_held_back(number: signal.Signals) -> None:
    done = []
    with held():
        send(number)
        done.append(1)
    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        send(number)


def test_one_that_waits_is_let_through_where_that_is_allowed() -> None:
    with held():
        send()
        with pytest.raises(KeyboardInterrupt), allowed():
            pytest.fail("went on")


def test_the_second_one_does_not_disturb_what_puts_things_in_order() -> None:
    order = []
    with pytest.raises(KeyboardInterrupt), held(), allowed():
        try:
            send()
        finally:
            send()
            with allowed():
                send()
                order.append("put in order")
    assert order == ["put in order"]


def test_an_inner_block_that_was_interrupted_closes_the_outer_one_too() -> None:
    order = []
    with held(), allowed():
        with held():
            with pytest.raises(KeyboardInterrupt), allowed():
                send()
            order.append("put back")
        send()
        order.append("told")
    assert order == ["put back", "told"]


def test_one_that_came_while_held_within_an_allowed_block_is_let_through_at_the_end_of_that() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held(), allowed():
        with held():
            send()
            done.append("renewed")
        pytest.fail("went on")
    assert done == ["renewed"]


def test_after_what_is_done_no_signal_is_let_through() -> None:
    with held(), allowed(again=True):
        with held(), allowed():
            settle()
        send()
        with allowed():
            send()


def test_where_nothing_is_to_be_put_in_order_each_one_is_let_through() -> None:
    with held(), allowed(again=True):
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                send()


def test_what_the_parent_lets_it_ignore_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.treat_alike()
    with held(), allowed():
        send(signal.SIGHUP)
    send(signal.SIGHUP)


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ValueError, match="x"), held(), allowed():
        raise ValueError("x")
    assert [signal.getsignal(number) for number in SIGNALS] == before
