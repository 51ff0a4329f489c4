"""Argon2id in a separate thread with a bounded queue, so that many logins do not stall other requests."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from server.problems import Problem

T = TypeVar("T")

# OWASP's recommendation for Argon2id (19 MiB, two passes, one lane), which fits into a container of 256 MB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_LONGEST_QUEUE = 32


# mallopt's M_MMAP_THRESHOLD: larger blocks are returned to the system as soon as they are free.
_M_MMAP_THRESHOLD = -3
_GIVEN_BACK = 1024 * 1024


def _give_memory_back() -> None:
    # glibc raises this threshold to the largest freed block, so the process would keep the 19 MiB after the first hash.
    # Other C libraries have neither this call nor this behaviour.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK)


class Passwords:
    """Hashes and checks passwords, one at a time."""

    def __init__(self) -> None:
        _give_memory_back()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
        self._queued = 0

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Problem 503 if too many wait."""
        return await self._run(lambda: _HASHER.hash(password))

    async def check(self, stored: str | None, password: str) -> bool:
        """Whether the password is correct; ``stored`` None: the account does not exist. Raises Problem 503."""
        return await self._run(lambda: _verify(stored or _nobody(), password)) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the hash has weaker parameters than the current ones."""
        return _HASHER.check_needs_rehash(stored)

    def close(self) -> None:
        """End the thread; queued work is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._queued >= _LONGEST_QUEUE:
            raise Problem(503, "Too many sign-ins at the moment. Try again.", headers={"Retry-After": "2"})
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._queued -= 1


@cache
def _nobody() -> str:
    # Checked for unknown accounts, so that their answer takes as long as one for a wrong password. Created on first
    # use, because it would delay the start.
    return _HASHER.hash("nobody's password")


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
