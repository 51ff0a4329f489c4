"""Converts untyped values to objects with msgspec, for use from several threads.

msgspec inspects a type on first use, and crashes the process with a segmentation fault if two threads do that at the
same time. So every decoder is built when its module is imported: a ``msgspec.json.Decoder`` for JSON, a ``Converter``
for values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Converter(Generic[T]):
    """Makes objects of ``type`` from dicts and lists. ``strict``, ``dec_hook``: as for ``msgspec.convert``."""

    def __init__(self, type: type[T], strict: bool = True, dec_hook: Callable[[type, Any], Any] | None = None) -> None:
        msgspec.json.Decoder(type)  # inspects the type
        self._type, self._strict, self._dec_hook = type, strict, dec_hook

    def convert(self, value: object) -> T:
        """Raises msgspec.ValidationError."""
        return msgspec.convert(value, self._type, strict=self._strict, dec_hook=self._dec_hook)
