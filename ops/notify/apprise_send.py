"""Sends one message with apprise, in a separate process: it needs 45 MB, and some of its services have no timeout.

The process reads the message as JSON from standard input. The exit code is 0 if it was delivered; see ``FAILURES`` for
the others. Nothing is printed, because apprise's own messages may contain the URL.
"""

from __future__ import annotations

import logging
import subprocess
import sys

import msgspec

LIMIT = 30.0
"""Timeout for one message, in seconds."""

FAILURES = {
    2: "apprise does not know this URL",
    3: "apprise could not deliver it",
    4: "apprise is not installed: pip install 'videa[notify]'",
}
"""Exit code -> the reason of the failure."""


class Order(msgspec.Struct, frozen=True):
    """The input of the child process. ``severity``: info, warning or critical."""

    url: str
    title: str
    text: str
    severity: str


_DECODER = msgspec.json.Decoder(Order)


def send(order: Order) -> str:
    """Sends the message. Returns why it failed, "" if it did not."""
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(
            command,
            input=msgspec.json.encode(order),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {LIMIT:g} s"
    except OSError:
        return "no process could be started"
    return "" if done.returncode == 0 else FAILURES.get(done.returncode, "apprise could not deliver it")


def main() -> int:
    """The main function of the child process. Returns its exit code."""
    order = _DECODER.decode(sys.stdin.buffer.read())
    try:
        import apprise  # noqa: PLC0415
    except ImportError:
        return 4
    logging.disable()
    target = apprise.Apprise()
    if not target.add(order.url):
        return 2
    kind = {"info": apprise.NotifyType.INFO, "warning": apprise.NotifyType.WARNING}
    sent = target.notify(
        title=order.title, body=order.text, notify_type=kind.get(order.severity, apprise.NotifyType.FAILURE)
    )
    return 0 if sent else 3


if __name__ == "__main__":
    sys.exit(main())
