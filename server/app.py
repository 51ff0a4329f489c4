"""The composition root: settings in, application out; resources as cleanup contexts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from server.addresses import ClientAddress
from server.auth.accounts import Accounts
from server.auth.authority import Authority
from server.auth.passwords import Passwords
from server.auth.sessions import Sessions
from server.auth.tokens import Tokens
from server.background import Background
from server.cache import RedisLink
from server.changes import Changes
from server.fleet import Fleet
from server.health import Health
from server.keys import (
    ACCOUNTS,
    AUTHORITY,
    BACKGROUND,
    CACHE,
    CHANGES,
    CLIENT_ADDRESS,
    DATABASE,
    FLEET,
    HEALTH,
    LIFECYCLE,
    LIMITER,
    LOG_WRITER,
    METRICS,
    PASSWORDS,
    READS,
    REDIS,
    SESSIONS,
    SETTINGS,
    STREAMS,
    TITLES,
    TOKENS,
)
from server.lifecycle import Lifecycle
from server.limits import Limiter
from server.logs import LogWriter
from server.metrics import Metrics
from server.middlewares.boundary import make_boundary
from server.migrate import migrate_until_done
from server.pages import set_up_pages
from server.payloads import LARGEST_BODY
from server.postgres import Database
from server.readcache import ReadCache
from server.replicas import ReadRouter
from server.routes import add_routes
from server.settings import Settings
from server.sse import Streams
from server.title_store import TitleStore


def create_app(settings: Settings, log_writer: LogWriter | None = None) -> web.Application:
    """The application, with nothing connected yet. Without a log_writer there is no access log."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SETTINGS] = settings
    app[LOG_WRITER] = None if settings.access_log == "off" else log_writer
    app[LIFECYCLE] = Lifecycle()
    app[BACKGROUND] = Background()
    app[METRICS] = Metrics()
    app[CLIENT_ADDRESS] = ClientAddress(settings.trusted_proxies)
    app[DATABASE] = Database(settings.database, f"videa/{settings.instance_id}"[:63])
    name = f"videa/{settings.instance_id}"[:63]
    replica = Database(settings.replica, name) if settings.replica else None
    app[READS] = ReadRouter(app[DATABASE], replica)
    app[REDIS] = RedisLink(settings.redis_url, client_name=f"videa-{settings.instance_id}")
    app[CACHE] = ReadCache(app[REDIS])
    app[CHANGES] = Changes(app[REDIS])
    app[STREAMS] = Streams(app[CLIENT_ADDRESS], app[LIFECYCLE], app[METRICS], settings.frontend_origins)
    app[LIFECYCLE].on_drain.append(app[STREAMS].end_all)
    app[TITLES] = TitleStore(app[DATABASE], app[READS], app[CACHE])
    app[TOKENS] = Tokens(settings.access_secrets, settings.refresh_secrets)
    app[SESSIONS] = Sessions(app[DATABASE], app[TOKENS])
    app[AUTHORITY] = Authority(app[DATABASE])
    app[PASSWORDS] = Passwords()
    app[ACCOUNTS] = Accounts(app[DATABASE], app[PASSWORDS])
    app[LIMITER] = Limiter(app[REDIS], settings.limits)
    app[HEALTH] = Health(app[DATABASE], app[REDIS])
    app[FLEET] = Fleet(
        settings=settings,
        link=app[REDIS],
        metrics=app[METRICS],
        database=app[DATABASE],
        limiter=app[LIMITER],
        tokens=app[TOKENS],
        lifecycle=app[LIFECYCLE],
    )
    app.cleanup_ctx.extend((_metrics, _redis, _fleet, _database))
    app.middlewares.append(make_boundary(app))
    set_up_pages(app)
    add_routes(app)
    return app


async def _metrics(app: web.Application) -> AsyncIterator[None]:
    metrics = app[METRICS]
    metrics.watch_gc()
    async with app[BACKGROUND].running("metrics", metrics.keep_sampling):
        yield
    metrics.unwatch_gc()


async def _redis(app: web.Application) -> AsyncIterator[None]:
    app[REDIS].start()
    async with app[BACKGROUND].running("redis", app[REDIS].keep_connected):
        yield
    app[REDIS].close()


async def _fleet(app: web.Application) -> AsyncIterator[None]:
    tasks = app[BACKGROUND]
    async with tasks.running("heartbeat", app[FLEET].keep_beating), tasks.running("changes", app[CHANGES].keep_polling):
        yield
    await app[FLEET].leave()


async def _database(app: web.Application) -> AsyncIterator[None]:
    tasks, migrating = app[BACKGROUND], partial(migrate_until_done, app[DATABASE], app[HEALTH])
    async with (
        tasks.running("migrations", migrating),
        tasks.running("replica", app[READS].keep_probing),
        tasks.running("authority", app[AUTHORITY].keep_fetching),
    ):
        yield
    await app[READS].close()
    await app[DATABASE].close()
    app[PASSWORDS].close()
