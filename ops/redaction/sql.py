"""Values in SQL, and the rows in PostgreSQL's log: they are user data, which may contain passwords."""

from __future__ import annotations

import re

from ops.redaction.hiding import Hide

_STATEMENT = re.compile(
    r"(?im)(?:^\t|\b(?:statement|query|duration|parameters|prepare):"
    r"|\b(?:select|insert[ \t]+into|update|delete[ \t]+from|values"
    r"|(?:create|alter|drop)[ \t]+(?:role|user|group|server|subscription|database)|copy|execute|call|perform"
    r"|comment[ \t]+on|notify|merge[ \t]+into|with[ \t]+\w+[ \t]+as)\b"
    r"|\bset[ \t]+(?:local[ \t]+|session[ \t]+)?[\w.]+[ \t]*(?:=|to\b)[ \t]*'"
    r"|\bportal(?:[ \t]+\"[^\"\n]*\")?[ \t]+(?:with[ \t]+)?parameters?:?[ \t]).*$"
)
_STRING = re.compile(
    r"(?<![\w'])(?:[eEnN]|[uU]&)?'(?P<text>(?:[^'\n\\]|''|\\.)*+)'|\$(?P<tag>\w*)\$(?P<body>.*?)\$(?P=tag)\$"
)
_PASSWORD = re.compile(
    r"(?i)(?P<start>\b(?:password|passwd|passphrase|identified(?:[ \t]+with[ \t]+\S+)?[ \t]+(?:by|as)|pwd)"
    r"(?:[ \t]+(?:is|was|for[ \t]+(?:user[ \t]+)?\S+[ \t]+(?:is|to)))?"
    r"(?:[ \t]+|[ \t]+for[ \t]+\S+[ \t]*=[ \t]*(?:password\()?|[ \t]*=[ \t]*(?=N))[eEnN]?(?P<quote>\\*[\"'`]))"
    r"(?P<value>[^\"'`\\\n]+)"
)
_ROW = re.compile(r"(?P<start>Failing row contains \()(?P<value>[^\n]++)")
_KEY = re.compile(
    r"(?P<start>Key \([^)(\n]*+\)=\()(?P<value>[^\n]{0,2000}?)(?=\) (?:already|is |conflicts|=)|\)\.?$)", re.MULTILINE
)
_INPUT = re.compile(
    r"(?P<start>(?:invalid (?:input (?:syntax|value)|byte sequence)[^:\n]*|value"
    r"|COPY \S+, line \d+(?:, column \S+)?): \\*\"|\bJSON data, line \d+: "
    r"|unterminated quoted string at or near \\*\"')"
    r"(?P<value>[^\"\n\\]+)"
)


def hide(text: str, hide: Hide) -> str:
    """The text without the strings in SQL statements and without the rows that PostgreSQL logs."""
    for pattern in (_ROW, _KEY, _INPUT, _PASSWORD):
        text = pattern.sub(lambda match: match["start"] + hide(match["value"]), text)
    return _STATEMENT.sub(lambda match: _STRING.sub(lambda string: _string(string, hide), match[0]), text)


def _string(match: re.Match[str], hide: Hide) -> str:
    text = match["body"] if match["tag"] is not None else match["text"]
    return match[0].replace(text, hide(text)) if text.strip() else match[0]
