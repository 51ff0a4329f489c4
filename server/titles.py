"""The cinema catalogue: the types of titles, requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec


def _text(longest: int, shortest: int = 1) -> msgspec.Meta:
    # PostgreSQL cannot store NUL.
    return msgspec.Meta(min_length=shortest, max_length=longest, pattern=r"^[^\x00]*\Z")


Name = Annotated[str, _text(200)]
Genre = Annotated[str, _text(40)]
Year = Annotated[int, msgspec.Meta(ge=1888, le=2100)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}\Z", description="ISO 639-1")]
AgeRating = Annotated[str, _text(10)]
Synopsis = Annotated[str, _text(4000, 0)]
Genres = Annotated[list[Genre], msgspec.Meta(max_length=10)]


class TitleFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A title as a client sends it."""

    title: Name
    year: Year
    original_title: Name | None = None
    runtime_minutes: Minutes | None = None
    genres: Genres = msgspec.field(default_factory=list)
    director: Name | None = None
    language: Language | None = None
    age_rating: AgeRating | None = None
    synopsis: Synopsis | None = None


class TitleChanges(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Only the fields to change."""

    title: Name | msgspec.UnsetType = msgspec.UNSET
    year: Year | msgspec.UnsetType = msgspec.UNSET
    original_title: Name | msgspec.UnsetType | None = msgspec.UNSET
    runtime_minutes: Minutes | msgspec.UnsetType | None = msgspec.UNSET
    genres: Genres | msgspec.UnsetType = msgspec.UNSET
    director: Name | msgspec.UnsetType | None = msgspec.UNSET
    language: Language | msgspec.UnsetType | None = msgspec.UNSET
    age_rating: AgeRating | msgspec.UnsetType | None = msgspec.UNSET
    synopsis: Synopsis | msgspec.UnsetType | None = msgspec.UNSET


class Title(msgspec.Struct, kw_only=True):
    """A title as the API returns it."""

    id: int
    title: str
    original_title: str | None
    year: int
    runtime_minutes: int | None
    genres: list[str]
    director: str | None
    language: str | None
    age_rating: str | None
    synopsis: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class TitleQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The parameters of a list. `q`: words, each matched as a prefix, in title and director."""

    q: Annotated[str, _text(100)] | None = None
    genre: Genre | None = None
    year: Year | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    offset: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    cursor: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,24}\Z")] | None = None


class TitlePage(msgspec.Struct, kw_only=True):
    """One page; total counts all matches; next_cursor selects the next page, null on the last one."""

    items: list[Title]
    total: int
    limit: int
    offset: int
    next_cursor: str | None
