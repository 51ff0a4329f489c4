"""The load of a keep-alive client beside an operation."""

from __future__ import annotations

from functools import partial

from bench import client

under_load = partial(client.under_load, lead=0.2, tail=0.5)
"""As for the benchmarks, which measure some seconds around the operation too; here its first answer begins it."""
