"""A node of a swarm is emptied under load, used again, and lost."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest

from ops.moving import DRAIN
from tests.engine.swarm.test_swarm import REASON, Shop, machines, shop, until

pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

__all__ = ["machines", "shop"]


def spread(shop: Shop) -> Counter[str]:
    return Counter(replica["node"] for replica in shop.replicas().values())


def findings(shop: Shop) -> dict[str, str]:
    """Id -> evidence of what the doctor says of the swarm and its networks."""
    report = json.loads(shop.videa("doctor", "--json", "--only", "swarm", "--only", "net.unreachable").stdout)
    return {finding["id"]: finding["evidence"] for finding in report["findings"]}


def test_a_node_is_emptied_and_used_again_without_a_lost_request(shop: Shop) -> None:
    shop.done("scale", "4")
    assert spread(shop) == {"node1": 2, "node2": 2}
    refused = shop.videa("node", "drain", "node1")
    assert "nginx-1 can run only on node1" in refused.stderr
    with shop.load() as report:
        shop.done("node", "drain", "node2")
        assert spread(shop) == {"node1": 4}
        nodes = {node["name"]: node for node in json.loads(shop.done("node", "ls", "--json"))}
        assert (nodes["node2"]["availability"], nodes["node2"]["replicas"]) == (DRAIN, 0)
        assert set(findings(shop)) == {"swarm.node_unused"}
        shop.done("node", "activate", "node2")
        shop.done("rebalance")
    assert spread(shop) == {"node1": 2, "node2": 2}
    assert shop.well(4)
    assert (report["failed"], report["not_sent"]) == (0, 0)
    assert findings(shop) == {}


SSH = """#!/bin/sh
# docker system dial-stdio on the machine of that address
case "$*" in *" {address} "*) exec docker --host {host} system dial-stdio;; esac
echo "no route to host" >&2; exit 255
"""


def test_commands_reach_replicas_of_other_nodes_over_ssh_and_logs_come_from_all(shop: Shop) -> None:
    replicas, other = shop.replicas(), shop.machines[1]
    there = next(name for name, replica in replicas.items() if replica["node"] == "node2")
    assert shop.done("exec", "--", "printenv", "RELEASE").strip() == replicas[there]["release"]
    command = shop.folder / "ssh"
    command.write_text(SSH.format(address="10.0.0.1", host="none"))
    command.chmod(0o755)
    path = f"{shop.folder}:{os.environ['PATH']}"
    refused = shop.videa("exec", "--replica", there, "--", "hostname", PATH=path)
    assert refused.returncode == 4
    assert "a container on node2 is reached over SSH" in refused.stderr
    command.write_text(SSH.format(address=other.address, host=other.host))
    container = other.docker("ps", "--quiet", "--filter", f"name={there}.")
    script = 'cat; hostname; printf "a line\\n" > /proc/1/fd/1; exit 7'
    entered = shop.videa("exec", "--replica", there, "--", "sh", "-c", script, PATH=path)
    assert (entered.returncode, entered.stdout.strip()) == (7, container[:12])
    until(lambda: "a line" in shop.done("logs", "--tail", "5"))


def test_a_lost_node_is_named_with_what_ran_there(shop: Shop) -> None:
    shop.machines[1].docker("swarm", "leave")
    until(lambda: "swarm.node_down" in findings(shop))
    assert "-web-" in findings(shop)["swarm.node_down"] or spread(shop)["node1"] == 4
    until(lambda: shop.well(4))
    assert spread(shop) == {"node1": 4}
