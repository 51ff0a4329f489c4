"""The short form of what a manager sends has all that the states of replicas depend on."""

from __future__ import annotations

import json
from itertools import islice

from ops.swarm import brief, labels, reading
from tests.unit.ops.swarm.test_reading import service, task


def test_the_states_in_the_short_form_are_those_of_the_containers() -> None:
    services = [service(12), service(2), service(3, replicas=0, state=labels.STOPPED), service(4), service(5)]
    services[-1]["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
    ended = {**task("failed", number=2), "CreatedAt": "2026-11-27T10:00:00.1Z"}
    tasks = [task("running", number=12), task("running", number=2), ended, task("rejected", 4), task("complete", 5)]
    of_no_service = {**task("running"), "ServiceID": None}
    sent = json.dumps(services), json.dumps([*tasks, of_no_service])
    short = reading.states(brief.SERVICES.decode(sent[0]), brief.TASKS.decode(sent[1]))
    complete = {each.name: each.state for each in reading.read(services, tasks)}
    assert short == complete
    assert list(short) == [f"shop-web-{number}" for number in (2, 3, 4, 5, 12)]
    assert set(short.values()) == {"running", "exited"}


def test_what_a_manager_leaves_out_or_adds_is_no_error() -> None:
    bare = json.dumps([{"ID": "1", "Spec": {"Name": "a", "Labels": None, "TaskTemplate": {}, "More": [1]}}])
    assert brief.SERVICES.decode(bare)[0]["Spec"]["Name"] == "a"
    assert "More" not in brief.SERVICES.decode(bare)[0]["Spec"]
    assert brief.TASKS.decode('[{"ID": "t", "Spec": {"Env": []}}]') == [{"ID": "t"}]


def test_nodes_for_more_replicas_are_chosen_by_the_short_form_as_by_the_whole() -> None:
    nodes = [{"ID": name, "Spec": {"Availability": "active"}, "Status": {"State": "ready"}} for name in ("a", "b", "c")]
    tasks = [{**task("running", number=number), "NodeID": node} for number, node in enumerate("aacb", 1)]
    short = brief.PLACED_TASKS.decode(json.dumps(tasks))
    chosen = [list(islice(reading.emptiest_nodes(nodes, each, (), "web"), 5)) for each in (tasks, short)]
    assert chosen[0] == chosen[1] == ["b", "c", "a", "b", "c"]
    assert reading.highest_number([], short, "web") == reading.highest_number([], tasks, "web") == 4
