"""Docker engines on machines of their own: network, mount, UTS and PID namespaces, joined by a bridge in another one.

Nothing of this is in the namespace of the tests: the engine that runs there, its bridge and firewall stay as they are.
When the first process of a machine is killed, the kernel ends all of its processes, as in a power cut.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

NETWORK = "10.213.0"
GATEWAY = f"{NETWORK}.254"
TOOLS = ("ip", "nsenter", "unshare", "dockerd", "docker-init", "hostname", "mount")
WITHIN = 60.0
"""Seconds until an engine must answer."""

NO_SUCH_NAME = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("{GATEWAY}", 53))
print("ready", flush=True)
while True:
    query, client = s.recvfrom(2048)
    question = query[12 : 12 + len(query[12:].split(b"\\0")[0]) + 5]
    s.sendto(query[:2] + bytes([0x81, 0x83]) + query[4:6] + b"\\0" * 6 + question, client)
"""
"""The machines' name server. Without one in reach, the engine's own does not answer at all for an unknown name."""


@dataclass(frozen=True)
class Machine:
    """One machine. ``network``: the name of its network namespace; ``init``: its first process."""

    number: int
    folder: Path
    network: str
    init: int

    @property
    def address(self) -> str:
        return f"{NETWORK}.1{self.number}"

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    def inside(self, *command: str) -> list[str]:
        """A command that sees the machine's loopback, and this machine's files."""
        return ["nsenter", f"--net=/run/netns/{self.network}", *command]

    def docker(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", "--host", self.host, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip()

    def load(self, images: Path) -> None:
        self.docker("load", "--quiet", "--input", str(images))

    def kill_engine(self) -> None:
        """Kills dockerd with -9: the containers run on."""
        entered = ["nsenter", "--target", str(self.init), "--mount", "--pid"]
        _run(*entered, "sh", "-c", f"kill -9 $(cat {self.folder}/pid)")

    def switch_off(self) -> None:
        """Ends all of its processes at once, as a power cut does."""
        os.kill(self.init, 9)


def obstacle() -> str:
    """Why no machines can be made here; "" if they can."""
    if os.environ.get("CI"):
        return "engines in namespaces are not started in CI"
    if os.geteuid() != 0:
        return "only root can make namespaces"
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"there is no {', '.join(missing)}"
    name = f"videa-{os.getpid()}"
    if _run("ip", "netns", "add", name, check=False):
        return "network namespaces cannot be made here"
    _run("ip", "netns", "del", name)
    return ""


@contextmanager
def swarm(folder: Path, count: int, managers: int = 1) -> Iterator[list[Machine]]:
    """A swarm of ``count`` machines; the first ``managers`` of them manage it."""
    with ExitStack() as stack:
        hub = f"vs{os.getpid()}h"
        stack.enter_context(_namespace(hub))
        _in(hub, "ip", "link", "set", "lo", "up")
        _in(hub, "ip", "link", "add", "br0", "type", "bridge")
        _in(hub, "ip", "addr", "add", f"{GATEWAY}/24", "dev", "br0")
        _in(hub, "ip", "link", "set", "br0", "up")
        stack.enter_context(_name_server(hub))
        (folder / "resolv.conf").write_text(f"nameserver {GATEWAY}\n")
        machines = [stack.enter_context(_machine(folder, hub, number)) for number in range(1, count + 1)]
        for machine in machines:
            stack.enter_context(engine(machine))
        for machine in machines:
            await_engine(machine)
        first, *others = machines
        first.docker("swarm", "init", "--advertise-addr", first.address)
        tokens = {role: first.docker("swarm", "join-token", "--quiet", role) for role in ("manager", "worker")}
        for machine in others:
            token = tokens["manager" if machine.number <= managers else "worker"]
            machine.docker(
                "swarm", "join", "--token", token, "--advertise-addr", machine.address, f"{first.address}:2377"
            )
        yield machines


@contextmanager
def _namespace(name: str) -> Iterator[None]:
    _run("ip", "netns", "add", name)
    try:
        yield
    finally:
        _run("ip", "netns", "del", name, check=False)


@contextmanager
def _name_server(hub: str) -> Iterator[None]:
    command = ["nsenter", f"--net=/run/netns/{hub}", sys.executable, "-c", NO_SUCH_NAME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()


@contextmanager
def _machine(folder: Path, hub: str, number: int) -> Iterator[Machine]:
    own, name, port = folder / f"n{number}", f"vs{os.getpid()}n{number}", f"vs{number}"
    own.mkdir()
    with _namespace(name):
        # Both ends are made inside, so that no name of the tests' own namespace is used.
        _in(hub, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", f"/run/netns/{name}")
        _in(hub, "ip", "link", "set", port, "master", "br0", "up")
        _in(name, "ip", "link", "set", "lo", "up")
        _in(name, "ip", "addr", "add", f"{NETWORK}.1{number}/24", "dev", "eth0")
        _in(name, "ip", "link", "set", "eth0", "up")
        _in(name, "ip", "route", "add", "default", "via", GATEWAY)
        prepare = f"hostname node{number}; mount --bind {folder}/resolv.conf /etc/resolv.conf; echo ready"
        apart = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = [*apart, "sh", "-c", f"{prepare}; exec docker-init -s -- sleep infinity"]
        with subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{name}", *command], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            init = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
            try:
                yield Machine(number, own, name, init)
            finally:
                process.kill()


@contextmanager
def engine(machine: Machine) -> Iterator[None]:
    """dockerd with a data folder and a socket of its own; it ends with its machine."""
    own = machine.folder
    options = ["--data-root", f"{own}/data", "--exec-root", f"{own}/exec", "--pidfile", f"{own}/pid"]
    enter = ["nsenter", "--target", str(machine.init), "--mount", "--uts", "--net", "--pid"]
    with (
        (own / "log").open("wb") as log,
        subprocess.Popen(
            [*enter, "dockerd", *options, "--host", machine.host],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield
        finally:
            process.kill()
            with suppress(ProcessLookupError):  # a test has switched it off
                os.kill(machine.init, 9)


def await_engine(machine: Machine) -> None:
    deadline = time.monotonic() + WITHIN
    while not machine.docker("version", "--format", "{{.Server.Version}}", check=False):
        assert time.monotonic() < deadline, (machine.folder / "log").read_text()[-2000:]
        time.sleep(0.1)


def _in(network: str, *command: str) -> None:
    _run("nsenter", f"--net=/run/netns/{network}", *command)


def _run(*command: str, check: bool = True) -> int:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stderr}"
    return done.returncode
