"""A snapshot has everything that a container needs to be as it was."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from ops.engine.answer import Refused
from ops.engine.recreate import recreate, snapshot
from tests.unit.ops.engine.test_replicas import details


def archive(name: str, content: bytes) -> bytes:
    result = io.BytesIO()
    with tarfile.open(fileobj=result, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.uid = len(content), 0o440, 101
        tar.addfile(member, io.BytesIO(content))
    return result.getvalue()


class Engine:
    """One container, with files. ``made``: the configuration of the new one; ``calls``: in order."""

    def __init__(self, container: dict[str, Any], files: dict[str, bytes]) -> None:
        self.container, self.files = container, files
        self.made: dict[str, Any] = {}
        self.written: dict[str, tuple[bytes, int, int]] = {}
        self.calls: list[str] = []
        self.api = self

    def inspect_container(self, name: str) -> dict[str, Any]:
        return self.container

    def inspect_image(self, name: str) -> dict[str, str]:
        return {"Id": self.container["Image"]}

    def diff(self, name: str) -> list[dict[str, Any]]:
        return [{"Path": path, "Kind": 1} for path in (*self.files, "/tmp/own")] + [{"Path": "/run", "Kind": 0}]

    def get_archive(self, name: str, path: str) -> bytes:
        if path not in self.files:
            raise Refused(404, "no such file")
        return archive(path.rpartition("/")[2], self.files[path])

    def create_container_from_config(self, config: dict[str, Any], name: str) -> dict[str, str]:
        self.calls.append("create")
        self.made = config
        return {"Id": "new"}

    def connect(self, network: str, container: str, endpoint: dict[str, Any]) -> None:
        self.calls.append(f"connect {network} {endpoint['IPAMConfig']['IPv4Address']}")

    def put_archive(self, container: str, path: str, content: bytes) -> None:
        self.calls.append("write")
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file
                self.written[path + member.name] = (file.read(), member.mode, member.uid)

    def start(self, container: str) -> None:
        self.calls.append("start")


def test_copied_configs_and_secrets_are_there_before_it_starts() -> None:
    container = details()
    container["HostConfig"] = {"NetworkMode": "front"}
    engine: Any = Engine(container, {"/etc/app/app.ini": b"a=1", "/run/secrets/token": b"s"})
    journalled = json.loads(json.dumps(snapshot(engine, "app-1", ["/etc/app/app.ini", "/etc/new.ini"])))
    recreate(engine, journalled)
    assert engine.written == {
        "/etc/app/app.ini": (b"a=1", 0o440, 101),
        "/run/secrets/token": (b"s", 0o440, 101),
    }
    assert engine.calls == ["create", "write", "write", "start"]


def test_networks_keep_their_aliases_and_fixed_addresses() -> None:
    container = details()
    container["HostConfig"] = {"NetworkMode": "front"}
    container["NetworkSettings"]["Networks"] = {
        "back": {"Aliases": ["app"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}, "IPAddress": "10.1.0.9"},
        "front": {"Aliases": ["app", "id1"], "IPAMConfig": None, "IPAddress": "10.0.0.2"},
    }
    engine: Any = Engine(container, {})
    recreate(engine, snapshot(engine, "app-1"))
    assert engine.made["NetworkingConfig"] == {"EndpointsConfig": {"front": {"Aliases": ["app"]}}}
    assert engine.calls == ["create", "connect back 10.1.0.9", "start"]


def test_a_container_in_the_network_of_another_one_has_none_of_its_own() -> None:
    container = details()
    container["HostConfig"] = {"NetworkMode": "container:x"}
    container["Config"] |= {"Hostname": "other", "ExposedPorts": {"80/tcp": {}}}
    container["NetworkSettings"]["Networks"] = {}
    engine: Any = Engine(container, {})
    recreate(engine, snapshot(engine, "app-1"))
    assert engine.made["NetworkingConfig"] == {}
    assert not {"Hostname", "ExposedPorts"} & engine.made.keys()
