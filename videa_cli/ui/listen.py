"""Serves the page on the loopback address, until it is cancelled or in a thread beside other work."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread

from aiohttp import web

from ops.errors import UsageError
from videa_cli.ui.server import ADDRESS


async def listen(app: web.Application, port: int) -> web.AppRunner:
    """Starts to serve. ``port``: 0 for a free one. Raises UsageError if the port cannot be used."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, ADDRESS, port).start()
    except OSError as error:
        await runner.cleanup()
        raise UsageError(f"port {port} cannot be used: {error.strerror}", "choose another port") from error
    return runner


def address_of(runner: web.AppRunner, token: str) -> str:
    """The URL of the page. The token is in the fragment, which is never sent in a request."""
    return f"http://{ADDRESS}:{runner.addresses[0][1]}/#{token}"


class Beside:
    """Serves in a daemon thread until ``close``. Raises UsageError if the port cannot be used."""

    def __init__(self, app: web.Application, port: int, token: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        started: Future[str] = Future()
        self._thread = Thread(target=self._run, args=(app, port, token, started), daemon=True, name="videa-page")
        self._thread.start()
        self.address = started.result()

    def _run(self, app: web.Application, port: int, token: str, started: Future[str]) -> None:
        async def serve() -> None:
            try:
                runner = await listen(app, port)
            except UsageError as error:
                started.set_exception(error)
                return
            started.set_result(address_of(runner, token))
            await self._ended.wait()
            await runner.cleanup()

        with asyncio.Runner(loop_factory=lambda: self._loop) as loop:
            loop.run(serve())

    def close(self) -> None:
        """Stops serving, and waits for the thread to end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(5.0)
