"""The text of an env file as Compose reads it, changed without harming what else stands there. Pure.

python-dotenv reads 'a\\\\b', "a$b", "\\$x" and `NAME: value` otherwise, and Compose's own `config --environment` cannot
show a value of several lines; so this follows Compose's rules, and a test compares it with Compose itself.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.errors import ConfigError

BOM = "\ufeff"
BLANKS = "\t\v\f\r \x85\xa0"
"""What Compose skips within a line."""
SPACES = (
    BLANKS + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's unicode.IsSpace calls a space. Python's str.isspace also has the separators U+001C to U+001F."""
MOST_TEXT = 8 << 20
"""Characters of all values: each variable may repeat others, so that a hundred lines can stand for gigabytes."""
MOST_NESTED = 20
"""Levels of ${A:-${B:-...}}."""

_NAME = re.compile(r"[^\n=:]*")
_GOOD_NAME = re.compile(rf"[\w.\-\[\]{BLANKS}]*")
_EXPORT = re.compile(rf"export[{SPACES}]+")
_PLAIN = re.compile(r"[\w./:@%+,=-]*", re.ASCII)
_REST_OF_LINE = re.compile(rf"[{BLANKS}]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-7]{0,3})')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}
_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_]\w*)|(?P<braced>\{))", re.ASCII)
_BRACE = re.compile(r"\$\{|\}")
_BRACED = re.compile(r"([A-Za-z_]\w*)(?:(:?[-+?])(.*))?", re.ASCII | re.DOTALL)


class _TooMuch(Exception):
    """A value is longer than MOST_TEXT, or nested deeper than MOST_NESTED."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable in the text. ``begin``, ``value``, ``end``: where it, its value and what follows its value begin.

    ``quote``: the quote that the value stands in, or none; ``inherited``: it only names a variable of the shell.
    """

    name: str
    begin: int
    value: int
    end: int
    quote: str
    inherited: bool


def values(text: str, shell: Mapping[str, str]) -> dict[str, str]:
    """What an env file sets: name -> value. ``shell``: where variables in its values are looked for first.

    Raises ConfigError where Compose would refuse the file.
    """
    read: dict[str, str] = {}
    known = ChainMap(dict(shell), read)
    length = 0
    for item in assignments(text):
        if item.inherited:
            if item.name in shell:
                read[item.name] = shell[item.name]
            continue
        try:
            read[item.name] = _value(text, item, known)
        except _TooMuch:
            length = MOST_TEXT
        length += len(read.get(item.name, " "))
        if length > MOST_TEXT:
            raise _refused(text, item.begin, "repeats other variables too often, or too deep in each other")
    return read


def assign(text: str, wanted: Mapping[str, str | None], shell: Mapping[str, str]) -> str:
    """The text with the variables ``wanted`` set: in place where they are, else at the end; None: without it.

    A variable that has its value already is not touched. Raises ConfigError where Compose would refuse the file.
    """
    present = values(text, shell)
    changed = {name: value for name, value in wanted.items() if present.get(name) != value}
    newline = "\r\n" if "\r\n" in text else "\n"
    parts, done, added = [], 0, set()
    for item in assignments(text):
        if item.name not in changed:
            continue
        value = changed[item.name]
        if value is None or item.name in added:
            parts.append(text[done : item.begin])
            rest = _REST_OF_LINE.match(text, item.end)
            done = rest.end() if rest else item.end
        else:
            sign = "=" if item.inherited else ""
            parts.append(text[done : item.value] + sign + quoted(value))
            added.add(item.name)
            done = item.end
    body = "".join(parts) + text[done:]
    lines = [f"{name}={quoted(value)}" for name, value in changed.items() if value is not None and name not in added]
    if lines and body.removeprefix(BOM) and not body.endswith("\n"):
        body += newline
    return body + "".join(line + newline for line in lines)


def quoted(value: str) -> str:
    """A value in such a form that Compose reads exactly this value."""
    if _PLAIN.fullmatch(value):
        return value
    if not set(value) & {"'", "\\", "\r"}:
        return f"'{value}'"
    escaped = re.sub(r'[\\"$]', r"\\\g<0>", value).replace("\r", r"\r")
    return f'"{escaped}"'


def assignments(text: str) -> Iterator[Assignment]:
    """The variables of an env file in their order. Raises ConfigError where Compose would refuse the file."""
    place = len(BOM) if text.startswith(BOM) else 0
    while True:
        while place < len(text) and text[place] in SPACES:
            place += 1
        if place == len(text):
            return
        if text[place] == "#":
            place = _line_end(text, place)
            continue
        item = _assignment(text, place)
        yield item
        place = item.end


def _assignment(text: str, begin: int) -> Assignment:
    exported = _EXPORT.match(text, begin)
    start = exported.end() if exported else begin
    found = _NAME.match(text, start)
    stop = found.end() if found else start
    name = text[start:stop].rstrip(SPACES)
    ends = stop == len(text) or text[stop] == "\n"
    if (ends and not name) or " " in name or not _GOOD_NAME.fullmatch(name):
        raise _refused(text, begin, "is no NAME=value")
    if ends:
        end = start + len(name)
        return Assignment(name, begin, end, end, "", inherited=True)
    value = stop + 1
    while value < len(text) and text[value] in BLANKS:
        value += 1
    quote = text[value] if value < len(text) and text[value] in "'\"" else ""
    if not quote:
        line = text[value : _line_end(text, value)].partition(" #")[0].rstrip(SPACES)
        return Assignment(name, begin, value, value + len(line), "", inherited=False)
    end = value + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise _refused(text, value, "begins a quote that does not end")
    return Assignment(name, begin, value, end + 1, quote, inherited=False)


def _value(text: str, item: Assignment, known: Mapping[str, str]) -> str:
    if not item.quote:
        return _expand(text[item.value : item.end], known)
    inner = text[item.value + 1 : item.end - 1]
    inner = re.sub(r"\\(.)", lambda match: match[1] if match[1] == item.quote else match[0], inner, flags=re.DOTALL)
    return inner if item.quote == "'" else _expand(_ESCAPE.sub(_unescape, inner), known)


def _unescape(match: re.Match[str]) -> str:
    escape = match[0][1:]
    if escape == "$":
        return "$$"
    if escape[0] == "0" and len(escape) == 4:
        return chr(int(escape, 8))
    return _ESCAPED.get(escape, match[0])


def _expand(text: str, known: Mapping[str, str], depth: int = 0) -> str:
    """The text with the values of its variables, "" for one that is not set. Raises _TooMuch."""
    parts, done, length = [], 0, 0
    while match := _REFERENCE.search(text, done):
        parts.append(text[done : match.start()])
        done = match.end()
        if match["dollar"]:
            parts.append("$")
        elif match["name"]:
            parts.append(known.get(match["name"], ""))
        else:
            end = _closing(text, done)
            parts.append(_braced(text[done:end], known, depth + 1))
            done = end + 1
        length += len(parts[-1])
        if length > MOST_TEXT:
            raise _TooMuch
    return "".join(parts) + text[done:]


def _closing(text: str, place: int) -> int:
    """Where the brace closes that was opened before ``place``."""
    depth = 1
    for brace in _BRACE.finditer(text, place):
        depth += 1 if brace[0] == "${" else -1
        if not depth:
            return brace.start()
    return len(text)


def _braced(inner: str, known: Mapping[str, str], depth: int) -> str:
    if depth > MOST_NESTED:
        raise _TooMuch
    match = _BRACED.fullmatch(inner)
    if match is None:
        return ""
    name, sign, other = match[1], match[2] or "", match[3] or ""
    value = known.get(name)
    given = bool(value) if sign.startswith(":") else value is not None
    if sign.endswith("+"):
        return _expand(other, known, depth) if given else ""
    if sign.endswith("-") and not given:
        return _expand(other, known, depth)
    return value or ""


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _refused(text: str, place: int, why: str) -> ConfigError:
    """What stands there is not shown, as it may be a secret."""
    line = text.count("\n", 0, place) + 1
    return ConfigError(f".env: line {line} {why}", "correct it; `docker compose config` refuses it too")
