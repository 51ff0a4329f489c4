"""A one-off container has what its model has, except for what would make it a replica."""

from __future__ import annotations

from typing import Any

from ops.engine.one_off import configuration
from ops.engine.recreate import networks_of
from ops.engine.replicas import read
from ops.models import UserCommand
from tests.unit.ops.engine.test_replicas import details


def model() -> dict[str, Any]:
    found = details()
    found["Config"] |= {
        "Hostname": "id1",
        "Cmd": ["serve"],
        "Entrypoint": ["/entry"],
        "Env": ["A=1", "B=2"],
        "User": "app",
        "WorkingDir": "/srv",
        "Healthcheck": {"Test": ["CMD", "check"]},
    }
    found["HostConfig"] = {
        "NetworkMode": "shop_front",
        "Binds": ["shop_data:/data"],
        "Memory": 64,
        "PortBindings": {"80/tcp": [{"HostPort": "8080"}]},
        "RestartPolicy": {"Name": "always"},
    }
    found["NetworkSettings"]["Networks"] = {"shop_back": {"Aliases": ["app"]}, "shop_front": {"Aliases": ["app"]}}
    return found


def test_it_has_the_environment_the_volumes_and_the_limits_of_its_model() -> None:
    made = configuration(model(), UserCommand(("./migrate", "--all"), environment={"B": "3", "C": "4"}))
    assert (made["Cmd"], made["Entrypoint"]) == (["./migrate", "--all"], ["/entry"])
    assert made["Env"] == ["A=1", "B=3", "C=4"]
    assert (made["User"], made["WorkingDir"]) == ("app", "/srv")
    assert (made["HostConfig"]["Binds"], made["HostConfig"]["Memory"]) == (["shop_data:/data"], 64)
    assert "Hostname" not in made
    assert networks_of(model()) == ["shop_front", "shop_back"]


def test_it_is_no_replica() -> None:
    made = configuration(model(), UserCommand(("./migrate",)))
    assert read({**model(), "Config": {**made, "Image": "app:1"}}).oneoff
    assert made["Healthcheck"] == {"Test": ["NONE"]}
    assert made["HostConfig"]["PortBindings"] == {}
    assert made["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert not made["Tty"]


def test_the_user_and_the_folder_can_be_chosen() -> None:
    made = configuration(model(), UserCommand(("sh",), terminal=True, user="root", workdir="/tmp"))
    assert (made["User"], made["WorkingDir"], made["Tty"]) == ("root", "/tmp", True)


def test_a_container_with_the_network_of_another_one_has_none_of_its_own() -> None:
    shared = {**model(), "NetworkSettings": {"Networks": {}}, "HostConfig": {"NetworkMode": "container:x"}}
    shared["Config"] |= {"Hostname": "other", "ExposedPorts": {"80/tcp": {}}}
    assert networks_of(shared) == []
    assert not {"Hostname", "ExposedPorts"} & configuration(shared, UserCommand(("sh",))).keys()
