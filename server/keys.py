"""The keys of the application's shared objects. These objects must not import this file; they get what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
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
    from server.lifecycle import Lifecycle
    from server.limits import Limiter
    from server.logs import LogWriter
    from server.metrics import Metrics
    from server.postgres import Database
    from server.readcache import ReadCache
    from server.replicas import ReadRouter
    from server.settings import Settings
    from server.sse import Streams
    from server.title_store import TitleStore

SETTINGS: web.AppKey[Settings] = web.AppKey("settings")
DATABASE: web.AppKey[Database] = web.AppKey("database")
READS: web.AppKey[ReadRouter] = web.AppKey("reads")
REDIS: web.AppKey[RedisLink] = web.AppKey("redis")
CACHE: web.AppKey[ReadCache] = web.AppKey("cache")
TITLES: web.AppKey[TitleStore] = web.AppKey("titles")
FLEET: web.AppKey[Fleet] = web.AppKey("fleet")
CHANGES: web.AppKey[Changes] = web.AppKey("changes")
STREAMS: web.AppKey[Streams] = web.AppKey("streams")
BACKGROUND: web.AppKey[Background] = web.AppKey("background")
HEALTH: web.AppKey[Health] = web.AppKey("health")
METRICS: web.AppKey[Metrics] = web.AppKey("metrics")
LIFECYCLE: web.AppKey[Lifecycle] = web.AppKey("lifecycle")
TOKENS: web.AppKey[Tokens] = web.AppKey("tokens")
SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions")
AUTHORITY: web.AppKey[Authority] = web.AppKey("authority")
PASSWORDS: web.AppKey[Passwords] = web.AppKey("passwords")
ACCOUNTS: web.AppKey[Accounts] = web.AppKey("accounts")
LIMITER: web.AppKey[Limiter] = web.AppKey("limiter")
CLIENT_ADDRESS: web.AppKey[ClientAddress] = web.AppKey("client_address")
LOG_WRITER: web.AppKey[LogWriter | None] = web.AppKey("log_writer")
