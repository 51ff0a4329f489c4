"""What rollout, doctor, watch and the views know of the place where replicas run. Which place that is, only
``ops.factory`` knows.

Three ports: where replicas run (``Platform``), what sends them requests (``Gateway``), and where everybody who works on
the project finds the same records (``Store``). Every method may raise EngineError and its kinds, and may be called from
several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from ops.events import Emit
from ops.models import Container, ExecResult, Machine, Record, Replica, Usage
from ops.steps import Target
from ops.traffic import Applied, Look, Maintenance, Membership, Upstream


class Stream(Protocol):
    """Output that is followed. Iterating ends with the container, or at ``close`` from another thread."""

    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None:
        """Ends the iteration, wherever it waits."""


class Measured(Protocol):
    """What is asked of a container to measure it. ``pid``: its main process on the engine's host.

    Its limits are told by how it was made, never by a measurement: the engine gives the machine's memory for "none",
    the kernel a huge number.
    """

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def running(self) -> bool: ...
    @property
    def cpu_limit(self) -> float | None: ...
    @property
    def memory_limit(self) -> int | None: ...


class Images(Protocol):
    """The images that replicas can be started from."""

    def digest(self, reference: str) -> str:
        """The digest of an image that is here. Raises ImageUnavailable."""

    def present(self, reference: str) -> bool:
        """Whether the image is here."""

    def has_healthcheck(self, reference: str) -> bool:
        """Whether the image declares a health check; False also when it is not here."""

    def ensure(self, reference: str) -> None:
        """Pulls an image that is not here. Raises ImageUnavailable."""

    def tag(self, image: str, reference: str) -> None:
        """Gives an image another name."""

    def untag(self, reference: str) -> None:
        """Takes a name from an image. One that is gone is fine."""


class Platform(Protocol):
    """Where the containers of one project run, and the replicas of its scaled service among them."""

    @property
    def images(self) -> Images: ...
    @property
    def local(self) -> bool:
        """Whether it is this machine."""

    @property
    def address(self) -> str:
        """Where its published ports are reached from here: a name or an address, IPv6 without brackets."""

    @property
    def machine(self) -> Machine:
        """What it has to give; asked once."""

    @property
    def creates_alone(self) -> bool:
        """Whether nothing may be stopping while ``create`` works, because it starts what has ended too."""

    # what there is

    def replicas(self) -> list[Replica]:
        """The replicas, running or not, by number."""

    def containers(self) -> list[Container]:
        """Every container of the project except one-off ones, by name."""

    def container(self, service: str) -> Container | None:
        """The one container of a service that has one; None if there is none."""

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        """Every container of the project, one-off ones too, each with all that the engine says of it."""

    def usage(self, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
        """What running containers use over ``gap`` seconds, by name, as quickly as it can be had."""

    def traffic(self, containers: Iterable[Measured]) -> dict[str, Usage]:
        """Like ``usage``, with processes and the bytes of the network; takes about a second."""

    def memory(self, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        """Bytes in use now and their limit, by name of the running containers; no limit is None."""

    def bound_port(self, container: str, target: int) -> int | None:
        """The host's port that leads to a container's TCP port ``target``, None if none does."""

    # what can be changed

    def create(self, total: int, target: Target, permit: Callable[[], None]) -> None:
        """Makes replicas of ``target`` until there are ``total``; they need ``start``. The others are left alone.

        ``permit`` is called at the last moment, and raises when it must not be done any more. Raises PlanRefused when
        anything else would be changed.
        """

    def check_create(self, total: int, target: Target) -> None:
        """Raises what ``create`` would refuse, and changes nothing."""

    def start(self, container: str) -> None:
        """Starts a container; one that runs is fine."""

    def stop(self, container: str) -> None:
        """Sends the stop signal and waits for the container's grace period. One that is gone is fine."""

    def remove(self, container: str) -> None:
        """Removes a container with its anonymous volumes. One that is gone is fine."""

    def blueprint(self, container: str) -> Mapping[str, Any]:
        """All that is needed to ``restore`` the container after it was removed; empty when it is gone."""

    def restore(self, blueprint: Mapping[str, Any]) -> None:
        """Brings a removed container back as it was, and starts it."""

    def follow(self, services: Collection[str], target: Target | None) -> None:
        """Lets other services run ``target``, None: what is remembered; each is stopped before it is started anew.

        Returns when they run and, with a health check, are healthy. Raises PlanRefused like ``create``.
        """

    def check_follow(self, services: Collection[str], target: Target) -> None:
        """Raises what ``follow`` would refuse, and changes nothing."""

    def task(self, name: str, command: Collection[str], target: Target, timeout: float) -> None:
        """Runs a command in a one-off container of ``target`` for at most ``timeout`` seconds.

        One of that name that is there is removed first. Raises EngineError when the command fails.
        """

    def remember(self, variables: Mapping[str, str | None]) -> None:
        """Keeps the outcome of an operation, so that a plain ``docker compose up -d`` changes nothing.

        None forgets a variable. Raises ConfigError.
        """

    # commands and logs

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Runs a command in a running container and waits for it. ``environment``: what no argument may hold."""

    def ask(self, container: str, command: list[str]) -> ExecResult:
        """Runs a command that only reads; one whose output got lost is run again."""

    def last_words(self, container: str) -> str:
        """The end of a container's log, for the report of why it failed; empty when it is gone."""

    def log_tail(self, container: str, lines: int) -> bytes:
        """The last lines of a container's standard output."""

    def recent_log(self, container: str, since: float, lines: int) -> str:
        """What a container printed since ``since`` (Unix time), at most its last ``lines``, each with its time."""

    def log_lines(self, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
        """The lines of a container's log, each with its time before it; with ``follow`` also those to come.

        ``since``: Unix time, 0 for all; ``tail``: at most that many of those that are there.
        """

    def output(self, container: str) -> Stream:
        """What a container writes to its standard output from now on, in chunks that end anywhere."""


class Gateway(Protocol):
    """What sends the project's requests to replicas: every nginx of it, as if it were one. Raises BalancerError."""

    permit: Callable[[], None]
    """Called immediately before each change, also when one is tried again; raises where it must not be made."""

    def membership(self, remembered: bool = False) -> Membership:
        """Which replicas it admits. ``remembered``: as it was seen or written last, if it was."""

    def look(self) -> Look:
        """What it has and serves."""

    def apply(self, upstream: Upstream) -> Applied:
        """Serves ``upstream``, and returns once that is so. Raises ConfigRefused; what was before serves then."""

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        """Closes the site, or opens it again with None; the replicas stay as they are. Raises like ``apply``."""

    def wait_drained(self, timeout: float, emit: Emit) -> tuple[str, ...]:
        """Waits until no request of before the last changes runs any more, at most ``timeout`` seconds.

        Returns the workers that still have some then.
        """

    def run(self, command: list[str]) -> ExecResult:
        """Runs a command where requests to the replicas come from: on the way and with the names of real traffic."""

    def log_tail(self, lines: int) -> bytes:
        """The last lines of the access log."""

    def follow_log(self) -> Stream:
        """The access log from now on."""


class Store(Protocol):
    """Named records, which whoever works on the project sees, from whatever machine. A name exists at most once."""

    def now(self) -> float:
        """The store's clock, whole seconds of Unix time: the one clock that all its users share."""

    def create(self, name: str, labels: Mapping[str, str], number: int = 0) -> str | None:
        """Makes a record and answers its id; None when there is one of that name."""

    def find(self, name: str) -> Record | None:
        """The record of that name, or of that id; None if there is none."""

    def labelled(self, label: str, value: str) -> list[Mapping[str, str]]:
        """All labels of each record that has this one."""

    def set_number(self, record: str, number: int) -> bool:
        """Changes the number of the record of this id; False when it is gone."""

    def write(self, record: str, files: Mapping[str, bytes]) -> bool:
        """Puts files into the record of this id; False when it is gone."""

    def read(self, record: str, file: str = "") -> dict[str, bytes]:
        """The files of the record by name, or just one; none when it or they are gone."""

    def remove(self, record: str) -> None:
        """Removes the record of this id or name; one that is gone is fine."""
