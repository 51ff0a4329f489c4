"""The steps of every request: set its id, admit it, answer it, convert errors, add headers, record it.

One middleware instead of a chain of six: each layer of a chain costs a coroutine per request, and together they
cost as much as aiohttp itself.
"""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.context import CONTEXT
from server.keys import LIFECYCLE, SETTINGS
from server.limits import policy_of
from server.middlewares.admit import make_admit
from server.middlewares.errors import error_response
from server.middlewares.headers import add_headers
from server.middlewares.record import make_record
from server.middlewares.request_id import begin
from server.payloads import check_body


def make_boundary(app: web.Application) -> Middleware:
    """The middleware of an application with all its resources."""
    lifecycle, origins = app[LIFECYCLE], app[SETTINGS].frontend_origins
    admit, record = make_admit(app), make_record(app)
    metrics = record.metrics

    @web.middleware
    async def boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CONTEXT] = context = begin(request)
        started = time.perf_counter()
        metrics.open[id(context)] = started
        response: web.StreamResponse | None = None
        try:
            if policy_of(request.match_info.handler) != "none":
                await admit(request, context)
            if request.body_exists:
                check_body(request)
            response = await handler(request)
        except Exception as error:
            response = error_response(request, context, origins, error)
        finally:
            del metrics.open[id(context)]
            record(request, context, response, time.perf_counter() - started)
        if not response.prepared:
            add_headers(request, response, context, origins)
            if lifecycle.draining:
                response.force_close()
        return response

    return boundary
