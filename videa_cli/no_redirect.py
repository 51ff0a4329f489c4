"""The option --no-redirect."""

from __future__ import annotations

from typing import Annotated

import typer

NoRedirect = Annotated[
    bool,
    typer.Option(
        "--no-redirect",
        help="Redirect no connections while a published port moves; they are refused for about a second.",
    ),
]
