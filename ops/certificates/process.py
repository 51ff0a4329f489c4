"""Runs the process that speaks ACME, and acts on its requests: stores the account, answers the challenge."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import IO

import msgspec

from ops.certificates.protocol import AccountMade, Challenge, Done, Failed, Order, Reply, Request, Suggest, Suggested
from ops.errors import PlanRefused, VideaError

LONGEST = 240.0
"""Seconds after which the process is killed: longer than all its own timeouts together."""

_MODULE = "ops.certificates.acme_client"
_DECODER = msgspec.json.Decoder(Reply)


class AuthorityError(VideaError):
    """The certificate authority did not issue a certificate. ``retry_after``: seconds, None if not specified."""

    def __init__(self, message: str, hint: str, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


def check_library() -> None:
    """Raises PlanRefused if the libraries are missing."""
    if any(find_spec(name) is None for name in ("acme", "josepy", "cryptography")):
        raise PlanRefused("the Python library acme is not installed", "pip install 'videa[acme]'")


def order(request: Order, keep: Callable[[str], None], answer: Callable[[Challenge], None]) -> Done:
    """Obtains a certificate. ``keep``: stores a new account; ``answer``: makes nginx answer the challenge.

    Raises PlanRefused if the libraries are missing, AuthorityError, and the errors of ``keep`` and ``answer``.
    """
    reply = _run(request, keep, answer)
    if not isinstance(reply, Done):
        raise _unexpected(reply)
    return reply


def suggest(request: Suggest) -> Suggested:
    """When the authority wants certificates to be renewed. Raises like ``order``."""
    reply = _run(request, lambda account: None, lambda challenge: None)
    if not isinstance(reply, Suggested):
        raise _unexpected(reply)
    return reply


def _run(request: Request, keep: Callable[[str], None], answer: Callable[[Challenge], None]) -> Reply | None:
    check_library()
    # It needs the proxy variables of the environment, but not the engine's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    with subprocess.Popen(
        [sys.executable, "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        limit = threading.Timer(LONGEST, process.kill)
        limit.start()
        try:
            return _talk(process, request, keep, answer)
        finally:
            limit.cancel()
            process.kill()


def _talk(
    process: subprocess.Popen[bytes],
    request: Request,
    keep: Callable[[str], None],
    answer: Callable[[Challenge], None],
) -> Reply | None:
    assert process.stdin and process.stdout  # noqa: S101  # both are pipes
    try:
        _write(process.stdin, msgspec.json.encode(request))
        for line in process.stdout:
            reply: Reply = _DECODER.decode(line)
            if isinstance(reply, AccountMade):
                keep(reply.account)
            elif isinstance(reply, Challenge):
                answer(reply)
            else:
                return reply
            _write(process.stdin, b"")
    except BrokenPipeError:
        pass
    return None


def _write(pipe: IO[bytes], line: bytes) -> None:
    pipe.write(line + b"\n")
    pipe.flush()


def _unexpected(reply: Reply | None) -> AuthorityError:
    if isinstance(reply, Failed):
        return AuthorityError(reply.reason, "videa tls status shows when it is tried again", reply.retry_after)
    return AuthorityError(f"the process that asks for it has ended, or took longer than {LONGEST:g} s", "try again")
