"""The request bodies for signing in."""

from __future__ import annotations

from typing import Annotated

import msgspec

# The format of an address in the API description; server.auth.emails has the exact rules.
Email = Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[^@\s\x00]{1,64}@[^@\s\x00]+\.[^@\s\x00]+\Z")]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=128, pattern=r"^[^\x00]*\Z")]


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """The body for registering."""

    email: Email
    password: Password


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body for signing in: any address and password is either right or wrong, never malformed."""

    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=128)]


class RefreshRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The token to exchange or to revoke."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=2048)]
