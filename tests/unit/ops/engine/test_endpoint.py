"""The address of the engine's machine, from the engine's URL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.engine.endpoint import Endpoint, ssh_host


@pytest.mark.parametrize(
    "url",
    ["", "unix://", "unix:///var/run/docker.sock", "unix:///home/me/.docker/desktop/docker.sock", "npipe:////./pipe/x"],
)
def test_a_socket_of_this_machine(url: str) -> None:
    endpoint = Endpoint(url)
    assert (endpoint.local, endpoint.address()) == (True, "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ssh://ops@shop.example", "shop.example"),
        ("ssh://ops@shop.example:2222", "shop.example"),
        ("ssh://10.0.0.7", "10.0.0.7"),
        ("ssh://ops@[2001:db8::7]:22", "2001:db8::7"),
        ("SSH://ops@shop.example", "shop.example"),
        ("tcp://10.0.0.7:2375", "10.0.0.7"),
        ("tcp://[2001:db8::7]:2376", "2001:db8::7"),
        ("https://shop.example:2376", "shop.example"),
        ("http://shop.example:2375", "shop.example"),
        ("shop.example:2375", "shop.example"),
        ("tcp://:2375", "127.0.0.1"),
        (" tcp://10.0.0.7:2375 ", "10.0.0.7"),
    ],
)
def test_the_address_of_another_machine_is_its_host(url: str, expected: str) -> None:
    endpoint = Endpoint(url)
    assert not endpoint.local
    assert endpoint.address(resolve=lambda name: name) == expected


def test_only_ssh_has_aliases() -> None:
    assert Endpoint("ssh://ops@shop").address(resolve=lambda name: f"{name}.example") == "shop.example"
    assert Endpoint("tcp://shop:2375").address(resolve=lambda name: f"{name}.example") == "shop"


def ssh_that(folder: Path, script: str) -> None:
    command = folder / "ssh"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def test_the_ssh_client_resolves_an_alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh_that(tmp_path, '[ "$1 $2 $3" = "-G -- shop" ] && printf "host shop\\nhostname 10.0.0.7\\nport 22\\n"')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert ssh_host("shop") == "10.0.0.7"


def test_without_an_answer_of_the_ssh_client_the_name_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh_that(tmp_path, "exit 255")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ssh_host("shop") == "shop"
    (tmp_path / "ssh").unlink()
    assert ssh_host("shop") == "shop"
