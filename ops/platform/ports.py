"""The ports through which rollout, doctor, watch and the views use the environment of a project.

There are three ports: ``Platform`` runs replicas, ``Gateway`` sends them requests, and ``Store`` has the records that
all users of the project share. Only ``ops.factory`` knows their implementations. Every method may raise EngineError and
its subclasses, and may be called from several threads at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeAlias

from ops.events import Emit
from ops.models import (
    Container,
    Document,
    ExecResult,
    Machine,
    Record,
    Replica,
    Usage,
    UserCommand,
)
from ops.platform.image_ports import Images
from ops.platform.job_ports import Jobs
from ops.platform.node_ports import Nodes
from ops.platform.stand_in_ports import StandIns
from ops.steps import Target
from ops.traffic import Applied, Look, Maintenance, Membership, Upstream

Choice: TypeAlias = Callable[[str], bool]
"""Whether a caller needs the container with this name."""


@dataclass(frozen=True, slots=True)
class Named:
    """The ``Choice`` of these names, which a platform can ask its engine for instead of all."""

    names: Collection[str]

    def __call__(self, name: str) -> bool:
        return name in self.names


def any_name(name: str) -> bool:
    """The ``Choice`` of all."""
    return True


class Permit(Protocol):
    """Called immediately before a change. Raises LockHeld if the change must not be made any more, EngineError.

    Returns the number that the change carries: larger than that of each previous holder of the lock, and than
    ``above``.
    """

    def __call__(self, above: int = 0) -> int: ...


class Stream(Protocol):
    """Output of a container. The iteration ends with the container, or at ``close`` from another thread."""

    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None:
        """Ends the iteration, even while it waits."""


class Changes(Protocol):
    """Changes of the project's containers, in words such as "pause shop-app-1". ``close`` ends them from any thread."""

    def __iter__(self) -> Iterator[str]: ...
    def close(self) -> None:
        """Ends the iteration, even while it waits."""


class Measured(Protocol):
    """The properties of a container that a measurement needs. ``pid``: its main process on the engine's host.

    ``cpu_limit``: cores; ``memory_limit``: bytes; None without a limit. They come from the container's configuration,
    never from a measurement: for "no limit", the engine reports the machine's memory, and the kernel a huge number.
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


class Platform(Protocol):
    """Runs the containers of one project, including the replicas of its scaled service."""

    @property
    def images(self) -> Images: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def stand_ins(self) -> StandIns: ...
    @property
    def local(self) -> bool:
        """Whether the platform is this machine."""

    @property
    def address(self) -> str:
        """The host of the published ports, seen from here: a name or an address, IPv6 without brackets."""

    @property
    def machine(self) -> Machine:
        """The engine's version and the resources of its machine; queried once."""

    @property
    def network_suffix(self) -> str:
        """What follows the names of the merged model in the engine's names of networks, except external ones."""

    @property
    def creates_alone(self) -> bool:
        """Whether no container may be stopping during ``create``, because ``create`` also starts exited ones."""

    # current state

    def replicas(self, chosen: Choice = any_name) -> list[Replica]:
        """The replicas, running or not, ordered by number; only those whose names are ``chosen`` are examined."""

    def names(self) -> list[str]:
        """The name of each replica, ordered by number; cheaper than ``states``."""

    def states(self, chosen: Choice = any_name) -> dict[str, str]:
        """Name -> state of the replicas with ``chosen`` names, ordered by number; cheaper than ``replicas``, which
        examines each.
        """

    def containers(self) -> list[Container]:
        """Every container of the project except one-off ones, ordered by name."""

    def container(self, service: str) -> Container | None:
        """The container of a service with a single one; None if there is none."""

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        """Every container of the project, including one-off ones, each with the engine's details."""

    def usage(self, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
        """The usage of running containers over ``gap`` seconds, by name, with the fastest method available."""

    def traffic(self, containers: Iterable[Measured]) -> dict[str, Usage]:
        """Like ``usage``, with the number of processes and the network bytes; takes about a second."""

    def memory(self, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        """Current memory usage and limit, bytes, of running containers, by name; None for no limit."""

    def bound_port(self, container: str, target: int) -> int | None:
        """The host port that is bound to a container's TCP port ``target``; None if there is none."""

    # changes

    def create(self, total: int, target: Target, permit: Permit) -> set[str]:
        """Creates replicas of ``target`` until there are ``total``; they need ``start``. The others do not change.

        Returns the names of those that this call has created. ``permit``: called immediately before. Raises PlanRefused
        if anything else would change.
        """

    def check_create(self, total: int, target: Target, next: bool = False) -> None:
        """Raises the PlanRefused that ``create`` would raise. Changes nothing.

        ``next``: ``create`` is the next change of this process, apart from stopping replicas, so it need not check
        again what it has just checked.
        """

    def start(self, container: str) -> None:
        """Starts a container, and runs its ``post_start`` hooks; a running one is not an error."""

    def stop(self, container: str, at_most: int | None = None) -> str:
        """Runs the ``pre_stop`` hooks, sends the stop signal and waits for the container's grace period.

        Returns why a hook has failed, "" if none: the container is stopped anyway. A missing container is not an
        error. ``at_most``: seconds, for a shorter wait.
        """

    def remove(self, container: str) -> None:
        """Removes a container and its anonymous volumes. A missing container is not an error."""

    def remove_volumes(self, names: Collection[str]) -> None:
        """Removes volumes of the project, by their names in the Compose file. A missing one is not an error."""

    def discard(self, container: str) -> None:
        """Removes a container that is not running; a running or a missing one is not an error."""

    def blueprint(self, container: str) -> Mapping[str, Any]:
        """All details that ``restore`` needs to recreate the container; empty if it does not exist."""

    def restore(self, blueprint: Mapping[str, Any]) -> None:
        """Recreates a removed container as it was, and starts it."""

    def up(
        self,
        services: Sequence[str],
        permit: Permit,
        overrides: Mapping[str, str],
        recreate: Collection[str] = (),
        keep: bool = False,
    ) -> None:
        """Starts services that are not running, each after those that it depends on; no replica is removed.

        ``overrides``: values for variables of the Compose file. ``keep``: nothing that exists changes, except the
        changed ones among ``recreate``. ``permit`` and PlanRefused: like ``create``.
        """

    def changed_services(self) -> list[str]:
        """The services without requests whose containers differ from the Compose file."""

    def down(self) -> None:
        """Stops and removes all containers and networks of the project; its volumes stay."""

    def follow(self, services: Collection[str], target: Target | None, permit: Permit) -> None:
        """Recreates other services with ``target``, None: with the remembered release; each stops before it restarts.

        Returns when they are running and, with a health check, healthy. ``permit`` and PlanRefused: like ``create``.
        """

    def check_follow(self, services: Collection[str], target: Target) -> None:
        """Raises the PlanRefused that ``follow`` would raise. Changes nothing."""

    def task(self, name: str, command: Collection[str], target: Target, timeout: float) -> None:
        """Runs a command in a one-off container of ``target`` for at most ``timeout`` seconds.

        An existing container with this name is removed first. Raises EngineError if the command fails, PlanRefused if
        it was not run because a changed Compose file would end what serves.
        """

    def complete(self, service: str, overrides: Mapping[str, str], permit: Permit, timeout: float) -> Container:
        """Runs a one-shot service again, recreated if it has changed, for at most ``timeout`` seconds.

        Returns its container, which still runs only if the time is over. ``overrides``: values for variables of the
        Compose file. An interrupt stops it. ``permit`` and PlanRefused: like ``create``.
        """

    def check_complete(self, service: str, overrides: Mapping[str, str]) -> None:
        """Raises the PlanRefused that ``complete`` would raise. Changes nothing."""

    def remember(self, variables: Mapping[str, str | None]) -> None:
        """Saves the result of an operation, so that a plain ``docker compose up -d`` changes nothing.

        None removes a variable. Raises ConfigError.
        """

    # commands and logs

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Runs a command in a running container and waits for it. ``environment``: values that no argument may have."""

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a command that only reads, and repeats it if its output was lost."""

    def hand_over(self, container: str, command: UserCommand) -> NoReturn:
        """Replaces this process by a command in a running container, which gets its streams or its terminal."""

    def create_like(self, model: Container, name: str, command: UserCommand) -> None:
        """Creates a one-off container with the image, environment, networks and volumes of a running one.

        It is no replica: it has no name of the service in DNS, no published port and no health check.
        """

    def attach(self, container: str) -> int:
        """Starts a created container with the streams or the terminal of this process. Returns its exit code.

        A signal stops the container with its stop signal, then raises KeyboardInterrupt.
        """

    def last_words(self, container: str) -> str:
        """The end of a container's log, to explain its failure; empty if it does not exist."""

    def log_tail(self, container: str, lines: int) -> bytes:
        """The last lines of a container's standard output."""

    def recent_log(self, container: str, since: float, lines: int) -> str:
        """The output of a container since ``since`` (Unix time), at most the last ``lines``, each with its time."""

    def log_lines(self, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
        """The lines of a container's log, each after its time; with ``follow`` also new lines.

        ``since``: Unix time, 0 for all; ``tail``: maximum number of existing lines.
        """

    def output(self, container: str) -> Stream:
        """The output of a container from now on, standard error too, in chunks of complete lines."""

    def changes(self) -> Changes:
        """What happens to the project's containers from now on."""


class Gateway(Protocol):
    """Sends the project's requests to replicas: all nginx instances of the project as one. Raises BalancerError."""

    def guard(self, permit: Permit) -> None:
        """Calls ``permit`` immediately before each change and each retry, which carry the number that it returns.

        From the next ``look`` or ``membership`` on, changes with lower numbers are refused, also of other processes.
        """

    def membership(self, remembered: bool = False) -> Membership:
        """The listed replicas. ``remembered``: returns what was read or written last, if there is something."""

    def membership_and_ask(
        self, remembered: bool, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[Membership, ExecResult]:
        """``membership`` and ``ask`` at once: each command in a container costs the engine 0.1 s of a core."""

    def look(self) -> Look:
        """The version, the active generation and the configuration."""

    def remember(self, look: Look) -> None:
        """Takes over what another gateway of the project has just read: ``membership(remembered=True)`` returns it."""

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        """Serves ``upstream``, and returns when it is active. Raises ConfigRefused; the previous one is then active.

        ``more``: of other services, in the same change.
        """

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        """Closes the site, or opens it with None; the replicas do not change. Raises like ``apply``."""

    def wait_drained(self, timeout: float, emit: Emit) -> tuple[str, ...]:
        """Waits until all requests from before the last changes have ended, at most ``timeout`` seconds.

        Returns the workers that still have requests.
        """

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a command that only reads, with the network and DNS of real traffic; again if its output was lost.

        ``environment``: values that no argument may have.
        """

    def log_tail(self, lines: int) -> bytes:
        """The last lines of the access log."""

    def follow_log(self) -> Stream:
        """The access log from now on."""


class Store(Protocol):
    """Records and documents with unique names, which all users of the project see from every machine.

    A record is removed by `docker container prune`, a document is not.
    """

    def now(self) -> float:
        """The store's clock in full seconds of Unix time: all its users share this clock."""

    def create(self, name: str, labels: Mapping[str, str], number: int = 0) -> str | None:
        """Creates a record and returns its id; None if the name is in use."""

    def find(self, name: str) -> Record | None:
        """The record with this name or id; None if there is none."""

    def labelled(self, label: str, value: str) -> list[Mapping[str, str]]:
        """All labels of every record that has this label."""

    def set_number(self, record: str, number: int) -> bool:
        """Changes the number of the record with this id; False if it does not exist."""

    def write(self, record: str, files: Mapping[str, bytes]) -> bool:
        """Writes files into the record with this id; False if it does not exist."""

    def read(self, record: str, file: str = "") -> dict[str, bytes]:
        """The files of the record by name, or only ``file``; empty if the record or file is missing."""

    def rename(self, record: str, name: str) -> None:
        """Renames the record with this id. Raises EngineError if it does not exist or the name is in use."""

    def remove(self, record: str) -> None:
        """Removes the record with this id or name; a missing one is not an error."""

    def load(self, name: str) -> Document:
        """The document with this name."""

    def save(self, name: str, content: bytes, after: int) -> bool:
        """Replaces the document of version ``after``, all at once. False if there was another version.

        After False, ``content`` may have been read by the process whose version there is now.
        """

    def drop(self, name: str) -> None:
        """Removes the document; a missing one is not an error."""
