"""A sample catalogue: generated cinema titles, the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator

from server.postgres import Database
from server.titles import TitleFields

_BATCH = 500
_FIRST = (
    "Silent",
    "Golden",
    "Broken",
    "Last",
    "Hidden",
    "Distant",
    "Crimson",
    "Endless",
    "Frozen",
    "Burning",
    "Quiet",
    "Lost",
    "Velvet",
    "Iron",
    "Paper",
)
_SECOND = (
    "River",
    "Harbour",
    "Garden",
    "Winter",
    "Shadow",
    "Orchard",
    "Empire",
    "Letter",
    "Station",
    "Mirror",
    "Island",
    "Promise",
    "Engine",
    "Horizon",
    "Carnival",
    "Witness",
    "Lantern",
    "Bridge",
    "Symphony",
    "Hotel",
)
_PLACES = (
    "Budapest",
    "Lisbon",
    "Trieste",
    "Kyoto",
    "Oslo",
    "Havana",
    "Tangier",
    "Vienna",
    "Valparaiso",
)
_PATTERNS = ("The {a} {b}", "{a} {b}", "The {b} of {p}", "{b} in {p}", "{a} {b} of {p}", "A {b} for {n}")
_GIVEN = (
    "Anna",
    "Marta",
    "Ilona",
    "Elena",
    "Sofia",
    "Ingrid",
    "Akira",
    "Jean",
    "Paolo",
    "Miklos",
    "Bela",
    "Agnes",
    "Luis",
    "Greta",
    "Zoltan",
    "Nadia",
)
_FAMILY = (
    "Kovacs",
    "Nagy",
    "Moreau",
    "Rossi",
    "Tanaka",
    "Lindqvist",
    "Ferreira",
    "Weber",
    "Novak",
    "Horvath",
    "Silva",
    "Petrov",
    "Olsen",
    "Varga",
)
_GENRES = (
    "drama",
    "comedy",
    "thriller",
    "romance",
    "documentary",
    "animation",
    "adventure",
    "crime",
    "fantasy",
    "horror",
    "western",
    "war",
)
_LANGUAGES = ("hu", "en", "fr", "it", "ja", "sv", "pt", "de", "es")
_RATINGS = ("KN", "6", "12", "16", "18")


def make_titles(count: int, *, first: int = 0) -> Iterator[tuple[int, TitleFields]]:
    """Numbered titles; the same number gives the same title on every run."""
    for number in range(first, count):
        dice = random.Random(number)  # noqa: S311 -- reproducible on purpose
        name = dice.choice(_PATTERNS).format(
            a=dice.choice(_FIRST), b=dice.choice(_SECOND), p=dice.choice(_PLACES), n=dice.choice(_GIVEN)
        )
        director = f"{dice.choice(_GIVEN)} {dice.choice(_FAMILY)}"
        genres = dice.sample(_GENRES, dice.randint(1, 3))
        year = dice.randint(1925, 2025)
        yield (
            number,
            TitleFields(
                title=name if number < 400 else f"{name} {number // 400 + 1}",
                year=year,
                runtime_minutes=dice.randint(72, 195),
                genres=genres,
                director=director,
                language=dice.choice(_LANGUAGES),
                age_rating=dice.choice(_RATINGS),
                synopsis=f"{genres[0].capitalize()} of {year} by {director}: {name.lower()} is not what it seems.",
            ),
        )


async def seed(database: Database, count: int) -> int:
    """Add the missing ones of the first `count` titles; returns the number added. Raises DatabaseError."""
    added = 0
    done = {row[0] for row in await database.fetch_all("SELECT number FROM seeded_titles")}
    missing = [item for item in make_titles(count) if item[0] not in done]
    for start in range(0, len(missing), _BATCH):
        added += await _insert(database, missing[start : start + _BATCH])
    return added


async def _insert(database: Database, batch: list[tuple[int, TitleFields]]) -> int:
    fields = TitleFields.__struct_fields__
    async with database.transaction() as session:
        # Otherwise two concurrent seeds would add the same numbers.
        await session.run("LOCK TABLE seeded_titles IN SHARE ROW EXCLUSIVE MODE")
        numbers = [number for number, _ in batch]
        done = {
            row[0]
            for row in await session.fetch_all("SELECT number FROM seeded_titles WHERE number = ANY(%s)", (numbers,))
        }
        rows = [(number, title) for number, title in batch if number not in done]
        if not rows:
            return 0
        row_sql = f"({', '.join(['%s'] * len(fields))})"
        values = [getattr(title, name) for _, title in rows for name in fields]
        inserted = await session.fetch_all(
            f"INSERT INTO titles ({', '.join(fields)}) VALUES {', '.join([row_sql] * len(rows))} "  # noqa: S608
            "RETURNING id",
            values,
        )
        pairs = [value for (number, _), (key,) in zip(rows, inserted, strict=True) for value in (number, key)]
        await session.run(
            "INSERT INTO seeded_titles (number, title_id) VALUES "  # noqa: S608
            + ", ".join(["(%s, %s)"] * len(rows)),
            pairs,
        )
        return len(rows)
