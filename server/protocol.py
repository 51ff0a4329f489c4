"""Parsing of requests: bodies are not decompressed, and invalid HTTP is answered with a problem."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from server.keys import METRICS
from server.problems import problem_response
from server.responses import SECURITY

log = logging.getLogger("videa.http")

# Longer than a balancer keeps an idle upstream connection (nginx: 60 s), so that the server never closes first.
_KEEPALIVE_SECONDS = 75.0
# Seconds for reading the rest of a refused body, so that the client gets its answer before the connection closes.
_LINGERING_SECONDS = 2.0
_LONGEST_REASON = 120


class Runner(web.AppRunner):
    """Runs an application with our own connection settings. shutdown_timeout: seconds.

    handler_cancellation: a handler ends when its client disconnects, instead of at its next write.
    """

    def __init__(
        self, app: web.Application, *, shutdown_timeout: float = 0.5, handler_cancellation: bool = False
    ) -> None:
        super().__init__(app, shutdown_timeout=shutdown_timeout, handler_cancellation=handler_cancellation)
        self._handler_cancellation = handler_cancellation

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return _Server(
            plain.request_handler,
            request_factory=plain.request_factory,
            handler_cancellation=self._handler_cancellation,
            protocol=partial(_Protocol, app=self.app, loop=asyncio.get_running_loop()),
        )


class _Server(web.Server):
    """Creates one protocol per connection."""

    def __init__(self, handler: Any, *, protocol: Callable[[web.Server], web.RequestHandler], **options: Any) -> None:
        super().__init__(handler, **options)
        self._protocol = protocol

    def __call__(self) -> web.RequestHandler:
        return self._protocol(self)


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_app",)

    def __init__(self, server: web.Server, *, app: web.Application, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=_KEEPALIVE_SECONDS,
            lingering_time=_LINGERING_SECONDS,
            # A few compressed bytes may expand to gigabytes, on the event loop.
            auto_decompress=False,
        )
        self._app = app

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Handles an error outside the application: one log line and problem+json. The connection is closed."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has already started")
        self._app[METRICS].malformed(status)
        if status >= 500:
            log.error("request failed", extra={"client": request.remote}, exc_info=exc)
            detail = "Something went wrong here."
        else:
            reason = (message or type(exc).__name__).partition("\n")[0][:_LONGEST_REASON]
            log.warning("malformed request", extra={"client": request.remote, "reason": reason})
            detail = "The request is not valid HTTP."
        response = problem_response(status, detail, request_id=None, headers=SECURITY)
        response.force_close()
        return response
