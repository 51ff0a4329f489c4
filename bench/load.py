"""Command line of the load client: `python -m bench.load --url http://127.0.0.1:PORT --get /path`.

Prints a table (or JSON) of the sent requests and their results. Exit code: 0 no failures, 1 failures, 2 usage error.
SIGTERM or SIGINT ends the load early, with a report.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.loadgen.driver import Driver, Load

_POLL_FILE = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Run the load and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        load = _load_of(options)
    except ValueError as error:
        print(f"load: {error}", file=sys.stderr)
        return 2
    report = asyncio.run(_run(load, options))
    print(json.dumps(report) if options.json else table(report))
    return 1 if report["failed"] else 0


def loopback_address(host: str, port: int) -> str:
    """Resolve a host to a loopback address. Raises ValueError for any other target."""
    try:
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise ValueError(f"{host} does not resolve: {error}") from None
    loopback = sorted(address for address in addresses if ipaddress.ip_address(address).is_loopback)
    if len(loopback) != len(addresses):
        raise ValueError(f"refused: {host} is not this machine's loopback, and load goes nowhere else")
    return loopback[0]


def message(method: str, path: str, host: str, headers: list[str], body: bytes = b"") -> bytes:
    """A complete HTTP/1.1 request. `headers`: complete lines without line ends."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "User-Agent: videa-bench", "Accept: */*", *headers]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _load_of(options: argparse.Namespace) -> Load:
    url = urlsplit(options.url)
    if url.scheme != "http" or not url.hostname:
        raise ValueError("--url must be http://HOST:PORT")
    if not 0 <= options.post_share <= 1:
        raise ValueError("--post-share is between 0 and 1")
    if options.post_share < 1 and not options.get:
        raise ValueError("--get PATH is missing")
    if options.post_share > 0 and not options.post:
        raise ValueError("--post-share needs --post PATH")
    port = url.port or 80
    body = options.post_body.encode()
    return Load(
        host=loopback_address(url.hostname, port),
        port=port,
        gets=tuple(
            message("GET", path, url.netloc, options.header) for path in _numbered(options.get, options.numbers)
        ),
        posts=tuple(message("POST", path, url.netloc, options.header, body) for path in options.post),
        post_share=options.post_share,
        connections=options.connections,
        rate=options.rate,
        timeout=options.timeout,
        retry=options.retry,
    )


def _numbered(paths: list[str], highest: int) -> list[str]:
    return [
        path.replace("{n}", str(number)) for path in paths for number in range(1, (highest if "{n}" in path else 1) + 1)
    ]


async def _run(load: Load, options: argparse.Namespace) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.seconds:
        loop.call_later(options.seconds, stop.set)
    driver = Driver(load)
    helpers = [asyncio.create_task(_announce(driver))]
    if options.until_file:
        helpers.append(asyncio.create_task(_watch(options.until_file, stop)))
    seconds = await driver.run(stop)
    for helper in helpers:
        helper.cancel()
    return {
        "url": options.url,
        "asked": {"rate": load.rate, "connections": load.connections, "post_share": load.post_share},
        **driver.tally.report(seconds),
        **({"latencies_ms": driver.tally.latencies()} if options.latencies else {}),
    }


async def _announce(driver: Driver) -> None:
    await driver.first_answer.wait()
    print("load: first answer", file=sys.stderr, flush=True)


async def _watch(path: Path, stop: asyncio.Event) -> None:
    while not path.exists():  # noqa: ASYNC110, ASYNC240 - a file made by another process has no event to await
        await asyncio.sleep(_POLL_FILE)
    stop.set()


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f"{'':6} {'sent':>9} {'ok':>9} {'failed':>7} {'p50 ms':>8} {'p99 ms':>8} {'slowest':>8}"]
    for name, figures in [*report["methods"].items(), ("all", report)]:
        times = figures["latency_ms"]
        lines.append(
            f"{name:6} {figures['sent']:9} {figures['ok']:9} {figures['failed']:7} "
            f"{times.get('p50', 0):8.2f} {times.get('p99', 0):8.2f} {times.get('max', 0):8.2f}"
        )
    opened = report["connections"]["opened"]
    lines.append(f"{report['rate']} ok/s for {report['seconds']} s, {opened} connections opened")
    if report["not_sent"]:
        lines.append(f"{report['not_sent']} more were due, but no connection was free: the rate was not held")
    lines += [f"  failed: {kind} {count}" for kind, count in report["failed_by_kind"].items()]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    add = parser.add_argument
    add("--url", required=True, help="http://HOST:PORT on this machine's loopback")
    add("--get", action="append", default=[], metavar="PATH", help="repeat it to go round several")
    add("--numbers", type=int, default=1, metavar="N", help="{n} in a GET's path stands for 1 to N in turn")
    add("--post", action="append", default=[], metavar="PATH")
    add("--post-body", default="{}", metavar="JSON")
    add("--post-share", type=float, default=0.0, help="0 to 1 (default 0)")
    add("--header", action="append", default=[], metavar="'NAME: VALUE'")
    add("--connections", type=int, default=32)
    add("--rate", type=float, default=0.0, help="requests/s; 0: as fast as answers come (default)")
    add("--seconds", type=float, default=0.0, help="0: until stopped (default)")
    add("--until-file", type=Path, metavar="FILE", help="stop when this file appears")
    add("--timeout", type=float, default=10.0, help="seconds for one request (default 10)")
    add(
        "--retry",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="send a GET once more that was cut before any byte of the answer on a reused connection, as "
        "RFC 9110 9.2.2 allows; counted as retried. Off: everything cut is a failure",
    )
    add("--json", action="store_true")
    add("--latencies", action="store_true", help="with --json: the time of every answered request too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
