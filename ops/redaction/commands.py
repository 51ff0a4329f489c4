"""Secrets in command lines: after a flag with a secret name, and after short flags of known programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ops.redaction.hiding import Hide, is_placeholder
from ops.redaction.names import is_secret_name

_GAP = r"(?:\\*[\"']?[ \t]+(?:\\+[\"'])?|\\*[\"'][ \t]*,[ \t]*\\*[\"']|,[ \t]+)"
"""The separator between two words of a command: spaces, or the separator of a JSON list."""
_WORD = r"(?P<value>(?!<hidden)[^\s\"'\\]+)"


class Program(NamedTuple):
    """Patterns for a program, its flags with a secret as the next word, and its flag with an attached secret."""

    names: str
    flags: str = ""
    attached: str = ""


PROGRAMS = (
    Program(r"(?:redis|valkey|keydb)-(?:cli|benchmark)", r"-a|--pass", "-a"),
    Program(
        r"curl",
        r"-[A-Za-z#]{0,8}[uUbE]|--user|--proxy-user|--cert|--cookie|--oauth2-bearer|--pass|--proxy-pass|--tlspassword",
        r"-[A-Za-z#]{0,8}[uU](?=[\w.-]*:)",
    ),
    Program(r"(?:mysql|mariadb)(?:dump|admin|import|check|show|-dump|-admin|binlog)?|mycli|xtrabackup", attached="-p"),
    Program(r"sshpass", r"-p", "-p"),
    Program(
        r"mongo(?:sh|dump|restore|export|import|stat)?|mosquitto_(?:pub|sub)|cqlsh|kinit"
        r"|supervisorctl|rabbitmqadmin|twine[ \t]+\w+|useradd|usermod",
        r"-p|-P|--pw",
        "-p(?!p)",
    ),
    Program(r"(?:docker|podman|nerdctl|skopeo|crane|oras|az|oc|registry)[ \t]+login", r"-p"),
    Program(r"ldap(?:search|modify|add|delete|passwd|whoami)", r"-w|-s", "-w"),
    Program(r"https?|xh|httpie|etcdctl|wrk|ab|hey|siege", r"-a|--auth|-A|--user|-P"),
    Program(r"smbclient|smbget|rpcclient", r"-U|--user"),
    Program(r"zip|unzip|sqlcmd|bcp|isql|ipmitool", r"-P", "-P"),
    Program(r"7z[ar]?|rar|unrar", attached="-p"),
    Program(r"openssl", r"-k|-K|-pass(?:in|out)?"),
    Program(r"snmp\w+", r"-c|-A|-X"),
    Program(r"rabbitmqctl", r"(?:add_user|change_password)[ \t]+\S+"),
    Program(r"htpasswd", r"-\w*b\w*(?:[ \t]+\S+){1,2}"),
    Program(r"ssh-keygen", r"-N|-P"),
    Program(r"vault", r"login|token[ \t]+lookup"),
    Program(r"cryptsetup|rclone", r"obscure|--key"),
    Program(r"mc[ \t]+(?:alias[ \t]+set|config[ \t]+host[ \t]+add)", r"[\w-]+[ \t]+https?://\S+[ \t]+\S+"),
    Program(r"sqlplus|rman|expdp|impdp", attached=r"[\w$#]+/(?!nolog)"),
    Program(r"lftp|ncftp\w*|smbclient", r"-p", r"-u[ \t]+[\w.-]+,"),
)
_PROGRAM = re.compile(
    rf"(?<![\w.-])(?:{'|'.join(f'(?P<p{place}>{program.names})' for place, program in enumerate(PROGRAMS))})"
    r"(?=\\*[\"']?[ \t]|\\*[\"'][ \t]*,)"
)
_REST = re.compile(r"[^\n|;]{0,1000}")
_ANY_WORD = r"(?P<value>\"[^\"\n]+\"|'[^'\n]+'|(?!<hidden)[^\s\"'\\]+)"
_NAMED_FLAG = re.compile(
    rf"(?:^|(?<=[\s\"'=,\[(]))--?(?P<name>[A-Za-z][\w-]{{1,60}}+){_GAP}(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n]+)(?P=quote)|(?!-){_WORD})"
)


def hide(text: str, hide: Hide) -> str:
    """The text without the secrets in its command lines."""
    text = _NAMED_FLAG.sub(lambda match: _named_flag(match, hide), text)
    shown: list[str] = []
    done = 0
    for name in _PROGRAM.finditer(text):
        if name.start() < done:
            continue
        rest = _REST.match(text, name.end())
        if rest:
            program = PROGRAMS[int((name.lastgroup or "p0")[1:])]
            shown += [text[done : name.end()], _arguments(program, rest[0], hide)]
            done = rest.end()
    return "".join([*shown, text[done:]])


def in_list(words: Sequence[object]) -> Iterator[tuple[int, int]]:
    """The secrets in a list of words, such as [redis-cli, -a, X]: index of the word, and offset of the secret in it."""
    program: Program | None = None
    for place, word in enumerate(words):
        if not isinstance(word, str):
            continue
        before = words[place - 1] if place else ""
        if isinstance(before, str) and before.startswith("-") and "=" not in before and not word.startswith("-"):
            has_secret = program is not None and program.flags and re.fullmatch(program.flags, before)
            if has_secret or is_secret_name(before.lstrip("-")):
                yield place, 0
        elif program and program.attached and (flag := re.match(rf"(?:{program.attached})(?=\S)", word)):
            yield place, flag.end()
        program = next((known for known in PROGRAMS if re.fullmatch(rf"(?:.*/)?(?:{known.names})", word)), program)


def _named_flag(match: re.Match[str], hide: Hide) -> str:
    group = "quoted" if match["quoted"] else "value"
    if not is_secret_name(match["name"]) or is_placeholder(match[group]):
        return match[0]
    begin, end = (place - match.start() for place in match.span(group))
    return match[0][:begin] + hide(match[group]) + match[0][end:]


def _arguments(program: Program, rest: str, hide: Hide) -> str:
    for flags, gap in ((program.flags, rf"(?:{_GAP}|=)"), (program.attached, "")):
        if flags:
            after = re.compile(rf"(?P<start>(?:^|(?<=[\s\"',\[]))(?:{flags}){gap}){_ANY_WORD}")
            rest = after.sub(lambda match: match["start"] + _unquoted(match["value"], hide), rest)
    return rest


def _unquoted(value: str, hide: Hide) -> str:
    bare = value.strip("\"'")
    return value if is_placeholder(bare) else hide(bare)
