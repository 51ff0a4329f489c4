"""Commands of users: in which container they run, and what is left of a one-off container."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import BalancerError, EngineError, Interrupted, PlanRefused, UsageError
from ops.foreground import choose, run_one_off, variables
from ops.models import UserCommand
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack

COMMAND = UserCommand(("./migrate",))


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path, replicas=3)


def test_a_replica_that_serves_is_chosen(stack: FakeStack) -> None:
    stack.platform.stop("shop-app-1")
    stack.world.sick.add("shop-app-2")
    choice = choose(stack)
    assert (choice.container.name, choice.serves) == ("shop-app-3", True)


def test_a_replica_outside_the_balancer_is_chosen_only_if_none_serves(stack: FakeStack) -> None:
    stack.platform.add("app:new", number=9)
    assert choose(stack).container.name == "shop-app-1"
    stack.world.sick.update(("shop-app-1", "shop-app-2", "shop-app-3"))
    choice = choose(stack)
    assert (choice.container.name, choice.serves) == ("shop-app-9", False)


def test_on_a_swarm_a_replica_of_this_node_is_preferred_among_those_that_serve(stack: FakeStack) -> None:
    for name, node in zip(stack.platform.names(), ("n1", "n2", "n2"), strict=True):
        stack.platform.by_name[name] = replace(stack.platform.by_name[name], node=node)
    stack.platform.nodes.here = "n2"
    assert choose(stack).container.name == "shop-app-2"
    stack.world.sick.update(("shop-app-2", "shop-app-3"))
    assert choose(stack).container.name == "shop-app-1"


def test_it_works_while_the_balancer_is_down(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)

    def refuse() -> None:
        raise BalancerError("nginx is not running", "start it")

    choice = choose(replace(stack, connect=refuse))  # type: ignore[arg-type]
    assert (choice.container.name, choice.serves) == ("shop-app-1", False)


@pytest.mark.parametrize("wanted", ["2", "shop-app-2", "app-2"])
def test_a_replica_is_named_by_its_number_or_its_name(stack: FakeStack, wanted: str) -> None:
    assert choose(stack, replica=wanted).container.name == "shop-app-2"


def test_another_service_is_chosen_by_its_name(tmp_path: Path) -> None:
    assert choose(fake_shop(tmp_path), "mail").container.name == "shop-mail-1"


def test_what_cannot_run_a_command_is_refused(stack: FakeStack) -> None:
    with pytest.raises(UsageError, match="no service 'web'"):
        choose(stack, "web")
    with pytest.raises(UsageError, match="no replica '7'"):
        choose(stack, replica="7")
    with pytest.raises(PlanRefused, match="no container of nginx is running"):
        choose(stack, "nginx")
    stack.platform.stop("shop-app-2")
    with pytest.raises(PlanRefused, match="shop-app-2 is not running: it is exited"):
        choose(stack, replica="2")
    for name in stack.platform.names():
        stack.platform.stop(name)
    with pytest.raises(PlanRefused, match="no container of app is running"):
        choose(stack)


def test_a_one_off_container_is_like_the_model_and_removed_at_the_end(stack: FakeStack) -> None:
    stack.platform.exit_code = 3
    seen: dict[str, str] = {}
    stack.world.disturb = lambda call: seen.update(stack.platform.one_offs) if call == "attach" else None
    assert run_one_off(stack, choose(stack).container, COMMAND) == 3
    assert list(seen.values()) == ["shop-app-1"]
    assert stack.platform.one_offs == {}
    assert len(stack.platform.replicas()) == 3


@pytest.mark.parametrize("call", ["create one-off", "attach"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), EngineError("Docker failed", "try again")])
def test_it_is_removed_whatever_happens(stack: FakeStack, call: str, error: BaseException) -> None:
    model = choose(stack).container

    def disturb(now: str) -> None:
        if now == call:
            raise error

    stack.world.disturb = disturb
    with pytest.raises(Interrupted if isinstance(error, KeyboardInterrupt) else EngineError):
        run_one_off(stack, model, COMMAND)
    assert stack.platform.one_offs == {}


def test_it_can_be_kept(stack: FakeStack) -> None:
    run_one_off(stack, choose(stack).container, COMMAND, keep=True)
    assert list(stack.platform.one_offs.values()) == ["shop-app-1"]


def test_variables_have_a_value_or_are_passed_on() -> None:
    given = ["A=1", "B=x=y", "C", "D", "E="]
    assert variables(given, {"C": "mine"}) == {"A": "1", "B": "x=y", "C": "mine", "E": ""}
    with pytest.raises(UsageError):
        variables(["=1"], {})
