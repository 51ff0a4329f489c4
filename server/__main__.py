"""python -m server [serve|migrate|seed|admin|demote|password]"""

# ruff: noqa: PLC0415 -- --help and a wrong environment answer without importing the server

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from server.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from server.auth.accounts import Accounts

_ENVIRONMENT = """\
environment:
  DATABASE_URL     postgresql://user:password@host:5432/name?connection_limit=5&pool_timeout=5&sslmode=prefer
                   (required; connection_limit and pool_timeout, in seconds, configure the pool, others go to libpq)
  DATABASE_REPLICA_URL  the same for a read replica (optional)
  REDIS_URL        redis://[:password@]host:6379/0, or redis+cluster://host:6379,host2:6379 for a cluster;
                   without it there is no cache and limits are per instance
                   (?socket_timeout=0.25: seconds without an answer until Redis counts as unavailable; and others)
  JWT_ACCESS_SECRET, JWT_REFRESH_SECRET  at least 32 random characters each, the same on every instance; several
                   separated by commas: the first signs, all verify (required in production). To replace one, deploy
                   OLD,NEW, then NEW,OLD, and only NEW after the last token of OLD has expired (15 minutes, 30 days)
  RATE_LIMITS      off, or changes to the table, such as user=1200/60,address=600/60,login=10/60 (requests/seconds)
  GUEST_WRITES     on: everybody may change the catalogue without signing in; only for demonstrations (off)
  TRUSTED_PROXIES  networks whose X-Forwarded-For is trusted (the last entry from a private network)
  PORT, HOST       port and address to listen on (3001, 0.0.0.0)
  APP_ENV          production, development or test (development); NODE_ENV also works
  FRONTEND_URL     origins that browsers may call from, separated by commas
  INSTANCE_ID      unique name of this instance (the host name, with the port if it is not 3001)
  RELEASE          name of the release (unreleased)
  DRAIN_TIMEOUT    seconds to finish requests after SIGTERM (25)
  LOG_LEVEL        debug, info, warning or error (info)
  REQUEST_LOG      on: one line per request; notable: behind a balancer that logs each request, only those of which this
                   server knows more (errors, slow ones, changes by a signed-in user); off (on)
"""


_ON_ACCOUNTS = {
    "admin": "create an administrator, or make an account one; asks for its new password",
    "demote": "turn an administrator into a user",
    "password": "set an account's password; asks for it",
}
"""Each of these signs the account out everywhere."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 2 for an invalid environment and 1 if the command failed."""
    # Process 1 of a container ignores SIGTERM until it has a handler: on a stop during the start, Docker would wait for
    # the whole grace period and then kill it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        print("The environment is not valid:", file=sys.stderr)  # noqa: T201 -- before logging exists
        for problem in error.problems:
            print(f"  - {problem}", file=sys.stderr)  # noqa: T201
        return 2
    if options.command in (None, "serve"):
        return _serve(settings)
    return asyncio.run(_maintain(settings, options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="The Videa Mozi backend.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="answer requests until SIGTERM (the default)")
    commands.add_parser("migrate", help="apply missing migrations and exit")
    for name, what in _ON_ACCOUNTS.items():
        commands.add_parser(name, help=what).add_argument("email")
    seed = commands.add_parser("seed", help="add generated cinema titles; running it again adds nothing")
    seed.add_argument("--titles", type=_count, default=3000, metavar="N", help="number of titles (3000)")
    return parser


def _count(raw: str) -> int:
    if not raw.isdecimal() or not 1 <= int(raw) <= 1_000_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000000")
    return int(raw)


def _serve(settings: Settings) -> int:
    import uvloop

    from server.app import create_app
    from server.logs import configure_logging
    from server.serving import serve

    writer = configure_logging(settings.instance_id, settings.release, settings.log_level)

    if settings.ephemeral_secrets:
        logging.getLogger("videa").warning("no JWT secrets are set: tokens of this instance are valid until it exits")

    async def run() -> None:
        await serve(create_app(settings, writer))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    except OSError as error:
        print(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        writer.close()
    return 0


def _read_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


async def _maintain(settings: Settings, options: argparse.Namespace) -> int:
    from server.auth.accounts import Accounts
    from server.auth.passwords import Passwords
    from server.database_errors import DatabaseError, StatementFailed
    from server.migrate import MigrationError, migrate
    from server.postgres import Database
    from server.problems import Problem
    from server.seed import seed

    asks = options.command in ("admin", "password")
    password = _read_password() if asks else ""
    if asks and len(password) < 8:
        print("The password must have at least 8 characters.", file=sys.stderr)  # noqa: T201
        return 1
    database = Database(settings.database, f"videa/{options.command}")
    passwords = Passwords()
    try:
        applied = await migrate(database)
        print(f"migrations applied: {', '.join(applied) or 'none missing'}")  # noqa: T201
        if options.command == "seed":
            added = await seed(database, options.titles)
            print(f"titles added: {added} of {options.titles}")  # noqa: T201
        if options.command in _ON_ACCOUNTS:
            print(await _change_account(Accounts(database, passwords), options, password))  # noqa: T201
    except (DatabaseError, MigrationError, StatementFailed, LookupError, Problem) as error:
        print(f"Failed: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await database.close()
        passwords.close()
    return 0


async def _change_account(accounts: Accounts, options: argparse.Namespace, password: str) -> str:
    if options.command == "admin":
        return f"administrator {await accounts.make_admin(options.email, password)}: {options.email}"
    if options.command == "demote":
        done = await accounts.demote(options.email)
        kind, outcome = "administrator", "no longer an administrator"
    else:
        done = await accounts.set_password(options.email, password)
        kind, outcome = "account", "password changed"
    if not done:
        raise LookupError(f"there is no {kind} {options.email}")
    return f"{outcome}: {options.email}"


if __name__ == "__main__":
    sys.exit(main())
