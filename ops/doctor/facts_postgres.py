"""Facts about PostgreSQL. Units as in ``ops.doctor.facts``."""

from __future__ import annotations

from msgspec import Struct, field

from ops.doctor.facts_engine import Volume


class Session(Struct, frozen=True):
    """A row of pg_stat_activity. Ages are None if PostgreSQL has no time; ``query`` has no literals."""

    pid: int
    user: str
    application: str
    client: str
    state: str
    kind: str
    wait: str
    query: str
    state_age: float | None
    xact_age: float | None
    query_age: float | None
    blocked_by: list[int] = field(default_factory=list)


class Table(Struct, frozen=True):
    """A table in pg_stat_user_tables; ``vacuum_age`` is None if it was never vacuumed."""

    name: str
    live: int
    dead: int
    vacuum_age: float | None = None


class Sequence(Struct, frozen=True):
    """The last value of a sequence, and the maximum of the sequence or its column.

    ``column``: "schema.table.column" of a column with a smaller type than bigint, otherwise "".
    """

    name: str
    last: int
    most: int
    column: str = ""


class BadIndex(Struct, frozen=True):
    """``problem``: invalid or duplicate; ``twin``: the other index with the same definition."""

    name: str
    table: str
    problem: str
    twin: str = ""


class Statement(Struct, frozen=True):
    """A row of pg_stat_statements; ``share``: of the total time in this database, 0..1."""

    calls: int
    mean_ms: float
    total_ms: float
    query: str
    share: float | None = None


class Slot(Struct, frozen=True):
    """A replication slot and the bytes of WAL that it retains."""

    name: str
    active: bool
    retained: float | None = None


class Prepared(Struct, frozen=True):
    """A prepared transaction (two-phase commit). ``blocks``: pids of the sessions that wait for its locks."""

    gid: str
    owner: str
    database: str
    age: float
    blocks: list[int] = field(default_factory=list)


class Archiver(Struct, frozen=True):
    """The WAL archiver. ``command``: archive_command or archive_library; an age is None if it never happened."""

    on: bool
    command: str
    archived: int
    failed: int
    archived_age: float | None
    failed_age: float | None
    failed_wal: str


class Wal(Struct, frozen=True):
    """The write-ahead log: bytes of its files, max_wal_size, wal_keep_size, and files waiting for the archiver."""

    size: float
    most: float
    keep: float = 0
    waiting: int = 0


class Standby(Struct, frozen=True):
    """A streaming replica, as its primary reports it. ``awaited``: commits may wait for it."""

    name: str
    state: str
    lag: float
    awaited: bool = False


class Setting(Struct, frozen=True):
    """A setting of the server. ``source``: where it comes from, as in pg_settings."""

    name: str
    value: str
    source: str


class Role(Struct, frozen=True):
    """A role. ``login``: it may log in; ``limit``: maximum number of its sessions, -1 for no limit.

    ``expired``: its password is no longer valid.
    """

    name: str
    login: bool
    limit: int
    expired: bool


class Database(Struct, frozen=True):
    """The database of the doctor's session. ``limit``: maximum number of its sessions, -1 for no limit."""

    name: str
    limit: int


class Damage(Struct, frozen=True):
    """Blocks with a wrong checksum that were read since the last statistics reset. ``age``: of the last one."""

    failures: int
    age: float | None


class FileError(Struct, frozen=True):
    """A line of a configuration file that PostgreSQL rejects. ``name``: the setting, "" if the line has none."""

    file: str
    line: int
    name: str
    error: str


class Collation(Struct, frozen=True):
    """A collation whose version has changed since its indexes were built. ``database``: it is a database's default."""

    name: str
    database: bool
    recorded: str
    actual: str


class PostgresFacts(Struct, frozen=True):
    """One PostgreSQL server. If ``up`` is false, only the first seven fields are valid.

    ``full``: it is running, but has no connection left, not even for the doctor. ``denied``: it rejects the doctor's
    login; ``log``: its errors when it could not start. ``broken_off``: why its answer ended early, "" if it did not.
    ``read_only``: where default_transaction_read_only is on: the source of the server's setting ("command line",
    "configuration file"), or for ALTER ("ROLE app", "DATABASE app"). ``recovered``: age of the last recovery from a
    backend's crash, without a restart of the server. ``counters`` and ``earlier``: cumulative figures of the database,
    ``gap`` seconds apart. ``wal_written``: bytes since the cluster was initialized; ``wal_between``: bytes of WAL that
    force a checkpoint before checkpoint_timeout. A list is None if its section of the batch failed.
    ``role``: the doctor's, quoted for SQL; ``hidden``: number of other roles' sessions whose state it may not see;
    ``hidden_sequences``: number of sequences that it may not read.
    """

    service: str
    container: str
    up: bool
    error: str = ""
    full: bool = False
    denied: bool = False
    log: list[str] = field(default_factory=list)
    broken_off: str = ""
    version: int = 0
    uptime: float = 0
    max_connections: int = 0
    reserved: int = 0
    locks: int = 0
    lock_slots: int = 0
    xids_left: int | None = None
    role: str = ""
    in_recovery: bool = False
    replay_age: float | None = None
    wal_written: float | None = None
    wal_between: float | None = None
    gap: float = 0
    sessions: list[Session] = field(default_factory=list)
    hidden: int = 0
    counters: dict[str, float] = field(default_factory=dict)
    earlier: dict[str, float] = field(default_factory=dict)
    tables: list[Table] | None = None
    sequences: list[Sequence] | None = None
    hidden_sequences: int = 0
    bad_indexes: list[BadIndex] | None = None
    slots: list[Slot] | None = None
    standbys: list[Standby] | None = None
    read_only: list[str] | None = None
    prepared: list[Prepared] | None = None
    archiver: Archiver | None = None
    wal: Wal | None = None
    recovered: float | None = None
    volume: Volume | None = None
    statements: list[Statement] | None = None
    settings: list[Setting] | None = None
    roles: list[Role] | None = None
    database: Database | None = None
    damage: Damage | None = None
    file_errors: list[FileError] | None = None
    collations: list[Collation] | None = None

    def delta(self, counter: str) -> float:
        """The growth of a counter between the two samples."""
        if counter not in self.earlier:
            return 0.0
        return self.counters.get(counter, 0.0) - self.earlier[counter]

    @property
    def usable(self) -> int:
        """Connections that are not reserved for superusers."""
        return self.max_connections - self.reserved

    @property
    def clients(self) -> list[Session]:
        """Sessions of clients whose state is visible."""
        return [session for session in self.sessions if session.kind == "client backend"]

    @property
    def connections(self) -> int:
        """The number of sessions that count towards max_connections."""
        return len(self.clients) + self.hidden
