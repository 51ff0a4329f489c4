"""Services of Compose as specs of a swarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.swarm import labels
from ops.swarm.spec import Wanted, network_spec, on_one_node, service_spec, unsupported

WANTED = Wanted("shop", "web", "shop-web-7", 7, "sha256:ab", "web:1", "sha256:ab", "hash", "r1")


def spec_of(wanted: Wanted = WANTED, **definition: Any) -> dict[str, Any]:
    model = {"services": {"web": definition}, "volumes": {"data": {"name": "shop_data"}}, "networks": {"app": {}}}
    return service_spec(model, wanted)


def container_of(**definition: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec_of(**definition)["TaskTemplate"]["ContainerSpec"]
    return found


def test_a_replica_is_a_service_with_one_task_a_name_in_dns_and_its_release_in_labels() -> None:
    spec = spec_of()
    assert (spec["Name"], spec["Mode"], spec["EndpointSpec"]["Mode"]) == (
        "shop-web-7",
        {"Replicated": {"Replicas": 0}},
        "dnsrr",
    )
    assert spec["Labels"][labels.NUMBER] == "7"
    assert spec["Labels"][labels.RELEASE] == "r1"
    assert spec["Labels"][labels.STATE] == labels.CREATED
    assert spec["TaskTemplate"]["Networks"] == [{"Target": "shop_default-swarm", "Aliases": ["web"]}]
    running = spec_of(replace(WANTED, running=True))
    assert (running["Mode"]["Replicated"]["Replicas"], running["Labels"][labels.STATE]) == (1, labels.STARTED)


def test_without_a_release_of_videa_the_one_in_the_file_counts() -> None:
    spec = spec_of(replace(WANTED, release=""), labels={"videa.release": "r9"})
    assert spec["Labels"][labels.RELEASE] == "r9"


def test_the_command_stays_apart_from_the_entrypoint() -> None:
    container = container_of(entrypoint=["sh", "-c"], command=["run"])
    assert (container["Command"], container["Args"]) == (["sh", "-c"], ["run"])
    assert "Command" not in container_of(command=["run"])


def test_environment_and_times() -> None:
    container = container_of(
        environment={"A": "1", "B": None, "C": True},
        stop_grace_period="1m30s",
        healthcheck={"test": ["CMD", "true"], "interval": "500ms", "retries": 3},
    )
    assert container["Env"] == ["A=1", "C=true"]
    assert container["StopGracePeriod"] == 90 * 10**9
    assert container["Healthcheck"] == {"Test": ["CMD", "true"], "Retries": 3, "Interval": 5 * 10**8}


def test_what_stack_deploy_would_drop_is_kept() -> None:
    container = container_of(
        tmpfs=["/tmp:size=16m,mode=1777"], shm_size="67108864", security_opt=["no-new-privileges:true"]
    )
    assert container["Mounts"] == [
        {"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 16 << 20, "Mode": 0o1777}},
        {"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": {"SizeBytes": 64 << 20}},
    ]
    assert container["Privileges"] == {"NoNewPrivileges": True}


def test_volumes_keep_their_names_and_bind_a_service_to_its_node() -> None:
    volumes = [{"type": "volume", "source": "data", "target": "/data"}]
    (mount,) = container_of(volumes=volumes)["Mounts"]
    assert (mount["Source"], mount["Target"]) == ("shop_data", "/data")
    assert mount["VolumeOptions"]["Labels"]["com.docker.compose.volume"] == "data"
    assert on_one_node({"volumes": volumes})
    assert not on_one_node({"volumes": [{"type": "tmpfs", "target": "/tmp"}]})
    placed = spec_of(replace(WANTED, node="n1"))["TaskTemplate"]["Placement"]
    assert placed == {"Constraints": ["node.id==n1"]}


def test_ports_are_those_of_the_node() -> None:
    spec = spec_of(ports=[{"target": 8080, "published": "80", "protocol": "tcp"}])
    assert spec["EndpointSpec"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 80, "PublishMode": "host"}
    ]


def test_limits_of_either_key() -> None:
    limits = {"Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 1 << 20, "Pids": 9}, "Reservations": {}}
    assert spec_of(cpus=0.5, mem_limit="1048576", pids_limit=9)["TaskTemplate"]["Resources"] == limits
    deploy = {"resources": {"limits": {"cpus": "0.5", "memory": "1048576", "pids": 9}}}
    assert spec_of(deploy=deploy)["TaskTemplate"]["Resources"] == limits


@pytest.mark.parametrize(
    ("restart", "condition"),
    [(None, "any"), ("no", "none"), ("unless-stopped", "any"), ("on-failure:3", "on-failure")],
)
def test_restart_policies(restart: str | None, condition: str) -> None:
    policy = spec_of(**({"restart": restart} if restart else {}))["TaskTemplate"]["RestartPolicy"]
    assert policy["Condition"] == condition
    assert policy.get("MaxAttempts") == (3 if restart == "on-failure:3" else None)


def test_a_one_off_task_has_no_port_no_health_check_and_no_name_of_the_service() -> None:
    spec = spec_of(
        replace(WANTED, oneoff=True, once=True, command=("migrate",)),
        ports=[{"target": 80, "published": "80"}],
        command=["serve"],
        healthcheck={"test": ["CMD", "true"]},
    )
    task = spec["TaskTemplate"]
    assert spec["EndpointSpec"]["Ports"] == []
    assert task["RestartPolicy"]["Condition"] == "none"
    assert task["ContainerSpec"]["Healthcheck"] == {"Test": ["NONE"]}
    assert task["ContainerSpec"]["Args"] == ["migrate"]
    assert task["Networks"][0]["Aliases"] == []


def test_what_has_no_equivalent_is_named() -> None:
    definition = {"image": "a", "privileged": True, "ipc": "", "x-own": 1, "security_opt": ["seccomp=unconfined"]}
    assert unsupported({"services": {"web": definition}}, "web") == ["privileged", "security_opt seccomp=unconfined"]


def test_networks_are_overlays() -> None:
    model = {"networks": {"app": {"name": "shop_app", "internal": True}}}
    spec = network_spec(model, "shop", "app")
    assert (spec["Name"], spec["Driver"], spec["Internal"], spec["Attachable"]) == (
        "shop_app-swarm",
        "overlay",
        True,
        True,
    )
