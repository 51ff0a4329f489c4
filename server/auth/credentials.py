"""What people and programs send to sign in."""

from __future__ import annotations

from typing import Annotated

import msgspec

# What the description of the API can say of an address; server.auth.emails decides.
Email = Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[^@\s\x00]{1,64}@[^@\s\x00]+\.[^@\s\x00]+\Z")]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=128, pattern=r"^[^\x00]*\Z")]


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What people type to register."""

    email: Email
    password: Password


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """What people type to sign in: whatever it is, it is right or wrong, not malformed."""

    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=128)]


class RefreshRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The token to exchange or to end."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=2048)]
