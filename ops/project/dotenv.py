"""Reads the text of an env file like Compose, and changes variables without touching other lines. Pure.

python-dotenv reads 'a\\\\b', "a$b", "\\$x" and `NAME: value` differently, and Compose's `config --environment` cannot
show multi-line values; so this module implements Compose's rules, and a test compares it with Compose.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping

import msgspec

from ops.errors import ConfigError

BOM = "\ufeff"
BLANKS = "\t\v\f\r \x85\xa0"
"""Characters that Compose skips within a line."""
SPACES = (
    BLANKS + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""The whitespace of Go's unicode.IsSpace. Python's str.isspace also includes the separators U+001C to U+001F."""
MOST_TEXT = 8 << 20
"""Maximum characters of all values: a variable may repeat others, so a hundred lines can expand to gigabytes."""
MOST_NESTED = 20
"""Maximum nesting of ${A:-${B:-...}}."""

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


class Assignment(msgspec.Struct, frozen=True):
    """A variable in the text. ``begin``, ``value``, ``end``: positions of the line, of the value and of its end.

    ``quote``: the quote around the value, or ""; ``inherited``: the line has only a name, so the value comes from the
    shell.
    """

    name: str
    begin: int
    value: int
    end: int
    quote: str
    inherited: bool


def values(text: str, shell: Mapping[str, str]) -> dict[str, str]:
    """The variables in an env file. ``shell``: takes precedence for variables inside values.

    Raises ConfigError if Compose would refuse the file.
    """
    result: dict[str, str] = {}
    known = ChainMap(dict(shell), result)
    length = 0
    for item in assignments(text):
        if item.inherited:
            if item.name in shell:
                result[item.name] = shell[item.name]
            continue
        try:
            result[item.name] = _value(text, item, known)
        except _TooMuch:
            length = MOST_TEXT
        length += len(result.get(item.name, " "))
        if length > MOST_TEXT:
            raise _refused(text, item.begin, "repeats other variables too often, or nests them too deeply")
    return result


def assign(text: str, wanted: Mapping[str, str | None], shell: Mapping[str, str]) -> str:
    """The text with the variables in ``wanted``, changed in place or added at the end; None removes a variable.

    Variables that already have their value are not touched. A last line without a newline stays without one, so that
    removing the variables restores the text. Raises ConfigError if Compose would refuse the file.
    """
    current = values(text, shell)
    changed = {name: value for name, value in wanted.items() if current.get(name) != value}
    newline = "\r\n" if "\r\n" in text else "\n"
    parts, position, added = [], 0, set()
    for item in assignments(text):
        if item.name not in changed:
            continue
        value = changed[item.name]
        if value is None or item.name in added:
            parts.append(text[position : item.begin])
            match = _REST_OF_LINE.match(text, item.end)
            position = match.end() if match else item.end
        else:
            sign = "=" if item.inherited else ""
            parts.append(text[position : item.value] + sign + quoted(value))
            added.add(item.name)
            position = item.end
    body = "".join(parts) + text[position:]
    lines = [f"{name}={quoted(value)}" for name, value in changed.items() if value is not None and name not in added]
    if lines and body.removeprefix(BOM) and not body.endswith("\n"):
        body += newline
    changed_text = body + "".join(line + newline for line in lines)
    complete = text.endswith("\n") or not text.removeprefix(BOM)
    return changed_text if complete else changed_text.removesuffix(newline)


def quoted(value: str) -> str:
    """The value quoted so that Compose reads exactly this value."""
    if _PLAIN.fullmatch(value):
        return value
    if not set(value) & {"'", "\\", "\r"}:
        return f"'{value}'"
    escaped = re.sub(r'[\\"$]', r"\\\g<0>", value).replace("\r", r"\r")
    return f'"{escaped}"'


def assignments(text: str) -> Iterator[Assignment]:
    """The variables of an env file in order. Raises ConfigError if Compose would refuse the file."""
    position = len(BOM) if text.startswith(BOM) else 0
    while True:
        while position < len(text) and text[position] in SPACES:
            position += 1
        if position == len(text):
            return
        if text[position] == "#":
            position = _line_end(text, position)
            continue
        item = _assignment(text, position)
        yield item
        position = item.end


def _assignment(text: str, begin: int) -> Assignment:
    exported = _EXPORT.match(text, begin)
    start = exported.end() if exported else begin
    match = _NAME.match(text, start)
    stop = match.end() if match else start
    name = text[start:stop].rstrip(SPACES)
    ends = stop == len(text) or text[stop] == "\n"
    if (ends and not name) or " " in name or not _GOOD_NAME.fullmatch(name):
        raise _refused(text, begin, "is not NAME=value")
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
        raise _refused(text, value, "has a quote that does not end")
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
    """The text with its variables replaced; "" for a variable that is not set. Raises _TooMuch."""
    parts, position, length = [], 0, 0
    while match := _REFERENCE.search(text, position):
        parts.append(text[position : match.start()])
        position = match.end()
        if match["dollar"]:
            parts.append("$")
        elif match["name"]:
            parts.append(known.get(match["name"], ""))
        else:
            end = _closing(text, position)
            parts.append(_braced(text[position:end], known, depth + 1))
            position = end + 1
        length += len(parts[-1])
        if length > MOST_TEXT:
            raise _TooMuch
    return "".join(parts) + text[position:]


def _closing(text: str, position: int) -> int:
    """The position of the brace that closes the brace before ``position``."""
    depth = 1
    for brace in _BRACE.finditer(text, position):
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
    name, sign, alternative = match[1], match[2] or "", match[3] or ""
    value = known.get(name)
    is_set = bool(value) if sign.startswith(":") else value is not None
    if sign.endswith("+"):
        return _expand(alternative, known, depth) if is_set else ""
    if sign.endswith("-") and not is_set:
        return _expand(alternative, known, depth)
    return value or ""


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _refused(text: str, position: int, why: str) -> ConfigError:
    """An error without the line's text, which may be a secret."""
    line = text.count("\n", 0, position) + 1
    return ConfigError(f".env: line {line} {why}", "correct it; `docker compose config` refuses it too")
