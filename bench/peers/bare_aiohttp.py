"""The upper bound: aiohttp that only returns a constant. `python -m bench.peers.bare_aiohttp`"""

from __future__ import annotations

import os

from aiohttp import web

_BODY = b'{"status":"ok"}'


async def constant(_: web.Request) -> web.Response:
    """Return the constant."""
    return web.Response(body=_BODY, content_type="application/json")


def main() -> None:
    """Serve on PORT until SIGTERM."""
    app = web.Application()
    app.router.add_get("/{path:.*}", constant)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
