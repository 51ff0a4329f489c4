"""Inputs of every kind, most of them wrong: command lines, x-videa sections, Compose files, env files.

Used by bench/fuzz.py, which runs the real command, and by tests/unit/videa_cli/test_any_input.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from ops.project.settings import Settings
from ops.project.units import Seconds
from videa_cli.commands import Commands
from videa_cli.exit_codes import ExitCode
from videa_cli.json_output import wanted_json

NUMBERS = (
    "",
    "0",
    "-1",
    "+1",
    "3",
    "9",
    "\uff19",
    "\u0663",
    "1e5",
    "1e999",
    "nan",
    "inf",
    "0x10",
    "1_000",
    "100",
    "1.5",
)
TIMES = ("10m", "1m30s", "0s", "999999999h", "8760h", "2026-13-45", "1969-12-31", "9999-12-31T23:59:59", "0001-01-01")
PATHS = ("/", "/etc", "/dev/zero", "/dev/null", "..", "a/b", "/health?x=1", "-", "--", "--help")
WORDS = ("app", "nginx", "client", "cookie:x", "header:", "debug", "fail", "app:42", "app:", "App", "5, 25, 100", "yes")
ADDRESSES = ("::", "::1", "[::1", "10.0.0.0/8", "10.0.0.0/99", "http://x", "tcp://[::1", "postgres://[x")
MARKUP = ("[/x]", "[red]", "[/]", ":key:", "[link=x]")
SYNTAX = (
    "%s",
    "{0}",
    "$(x)",
    "$",
    "$$",
    "${A}",
    "${A:-3}",
    "${A",
    "*",
    "~",
    "'",
    '"',
    "\\",
    "#",
    " #",
    "=",
    "<<",
    "a=b",
)
CONTROLS = (" ", "\n", "\r\n", "a\nREP=1", "\x0c", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\u00e9", "\u0130")
BYTES = ("\udcff", "caf\udce9", "\udced\udca0\udc80")
AT_ONCE = ("/[/x] :key: \x1b[31m\u2028\n$A #'", "/[/x]\udcff", "[/x]")
KINDS = (NUMBERS, TIMES, PATHS, WORDS, ADDRESSES, MARKUP, SYNTAX, CONTROLS, BYTES, AT_ONCE, AT_ONCE, AT_ONCE)
"""Texts that are something else to somebody: to YAML, a shell, a terminal, Go, Python, rich or a file system."""

LONG = st.sampled_from(["x", "9", "a/", "[", "${A:-", "\u00e9"]).map(lambda piece: piece * 5000)
TEXT = st.one_of(*(st.sampled_from(kind) for kind in KINDS), st.text(max_size=8), LONG)
SCALARS = TEXT | st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=4
)

SHAPE = re.compile(r"(?:.*\n)?error: [^\n]*\n hint: [^\n]+\n", re.DOTALL)
DOCUMENTED = frozenset(ExitCode) - {ExitCode.BUG}


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    def complaint(self, arguments: list[str]) -> str:
        """What is wrong with the answer, whatever was asked; empty if nothing is."""
        if self.code not in DOCUMENTED:
            return f"exit code {self.code}"
        if "Traceback" in self.out + self.err:
            return "a traceback"
        if not self.code or "doctor" in arguments:
            return ""
        if wanted_json(arguments):
            return "" if self.out.endswith("}\n") and '"hint"' in self.out else "no JSON with a hint"
        return "" if SHAPE.fullmatch(self.err) else "not one line of what is wrong and one of what to do"


def speakable(argument: str) -> bool:
    """Whether a process can get it: an argument ends at a NUL, and its bytes are decoded by surrogateescape."""
    try:
        return b"\0" not in argument.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False


ARGUMENTS = TEXT.filter(speakable)


GOOD_LINES = (
    *(
        ["scale", "3"],
        ["scale", "+1", "--dry-run"],
        ["deploy"],
        ["deploy", "--image", "app:new", "--surge", "1"],
        ["plan"],
    ),
    *(["deploy", "--image", "app:new", "--json"], ["plan", "--canary", "--pause-at", "25"], ["rollback", "old"]),
    *(["maintenance", "on", "--allow", "10.0.0.0/8", "--retry-after", "30s"], ["history", "-n", "5"], ["config"]),
    *(["logs", "app", "--since", "10m", "--tail", "9"], ["watch", "--interval", "2s"], ["status", "--json"]),
)


def command_lines() -> st.SearchStrategy[list[str]]:
    """Arguments that a process can get: a good line with an odd value in it, or a command with any of its options."""
    good, any_line = _good_lines(), st.one_of([_command_line(path) for path in _vocabulary()])
    return st.booleans().flatmap(lambda first: good if first else any_line)


def _good_lines() -> st.SearchStrategy[list[str]]:
    changes = st.tuples(st.sampled_from(GOOD_LINES), st.integers(0, 5), ARGUMENTS, st.sampled_from(["-p", "-f", ""]))

    def changed(change: tuple[list[str], int, str, str]) -> list[str]:
        line, place, odd, before = change
        if before:
            return [before, odd, *line]
        return [*line[: place + 1], odd, *line[place + 2 :]]

    return changes.map(changed)


def _command_line(path: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    options = st.sampled_from([*_vocabulary()[path], "--help", "--no-such"])
    part = (
        ARGUMENTS.map(lambda value: [value])
        | st.tuples(options, ARGUMENTS).map(list)
        | st.tuples(options, ARGUMENTS).map(lambda pair: ["=".join(pair)])
        | options.map(lambda option: [option])
    )
    before: st.SearchStrategy[list[str]] = st.just([]) | st.tuples(
        st.sampled_from(["-f", "-p", "--file"]), ARGUMENTS
    ).map(list)
    parts = st.tuples(before, st.lists(part, max_size=3))
    return parts.map(lambda both: [*both[0], *path, *(argument for each in both[1] for argument in each)])


@cache
def _vocabulary() -> dict[tuple[str, ...], list[str]]:
    """Each command with its options, except those that write into the home folder, or change the engine itself."""
    named = [(name, command) for name, command in Commands().items() if name not in ("plugin", "swarm")]
    return {path: options for name, command in named for path, options in _walk((name,), command)}


def _walk(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    yield path, [option for each in command.params for option in each.opts if option.startswith("-")]
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk((*path, name), inner)


def sections() -> st.SearchStrategy[Any]:
    """An x-videa section: keys with values of their kind or with odd ones, now and then something else in its place."""
    return _section(Settings) | VALUES


def _section(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """One or two of the keys of a section."""
    keys = {each.name: _value(each.type) for each in msgspec.structs.fields(kind)}
    chosen = st.lists(st.sampled_from([*keys, "unknown"]), unique=True, max_size=2)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keys.get(name, VALUES) for name in names}))


def _value(kind: Any) -> st.SearchStrategy[Any]:
    """A value of the kind that a key has, as far as a file can have it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _section(kind)
    if kind is Seconds:
        return st.sampled_from(TIMES)
    return TEXT | st.lists(TEXT, max_size=2) | VALUES


def services() -> st.SearchStrategy[dict[str, Any]]:
    """A service as Compose leaves it in its merged model, whose values may be any that Compose takes."""
    words = TEXT | st.none()
    port = st.fixed_dictionaries(
        {"target": st.integers(1, 65535)},
        optional={"published": TEXT, "host_ip": TEXT, "protocol": st.sampled_from(["tcp", "udp"])},
    )
    memory = st.fixed_dictionaries({}, optional={"memory": st.integers(0, 2**63).map(str)})
    deploy = {
        "replicas": st.integers(0, 2**62),
        "resources": st.none() | st.fixed_dictionaries({}, optional={"reservations": st.none() | memory}),
    }
    database = (st.sampled_from(NUMBERS) | LONG).map(lambda text: f"postgresql://db/app?connection_limit={text}")
    return st.fixed_dictionaries(
        {},
        optional={
            "image": TEXT,
            "labels": st.dictionaries(TEXT, words, max_size=2),
            "environment": st.fixed_dictionaries({}, optional={"DATABASE_URL": database | words, "A": words}),
            "deploy": st.none() | st.fixed_dictionaries({}, optional=deploy),
            "ports": st.lists(port, max_size=2),
            "container_name": TEXT,
            "healthcheck": st.fixed_dictionaries({}, optional={"disable": st.booleans(), "test": st.lists(TEXT)}),
            "x-other": VALUES,
        },
    )


def raw_services() -> st.SearchStrategy[dict[str, Any]]:
    """A service before its variables have values: anything may be a string, and a mapping may be a list."""
    names = ("image", "labels", "environment", "ports", "scale", "x-other")
    deploy = st.fixed_dictionaries({}, optional={"replicas": SCALARS})
    keys = {**dict.fromkeys(names, TEXT | st.lists(TEXT, max_size=3)), "deploy": deploy | st.none()}
    return st.fixed_dictionaries({}, optional=keys)


ENV_BODIES = (
    *(
        "1",
        "a b",
        "a\nREP=1\nb",
        "'",
        '"',
        " # c",
        "#",
        "$A",
        "${A}",
        "${A:-b}",
        "${A:+x}",
        "${A",
        "$$",
        "\\",
        "\\n",
        "\\'",
    ),
    *("\t", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028", "\u3000", "\ufeff", "\u00e9", "\udcff", "\x00", "\r"),
    *("x" * 3000, "${A:-" * 5000, "$A$A$A$A$A$A$A$A$A" * 9),
)


def env_files() -> st.SearchStrategy[str]:
    """The text of an env file, in which bytes that are not UTF-8 are surrogates."""
    body = st.lists(st.sampled_from(ENV_BODIES), max_size=3).map("".join)
    quote = st.sampled_from(["", "'", '"'])
    parts = (
        st.sampled_from(["", "", "export ", " ", "\u2028", "\x0c", "\ufeff"]),
        st.sampled_from(["A", "B", "REP", "REP.2"]),
        st.sampled_from(["=", "=", " = ", ": ", "\xa0=", ""]),
        st.builds(lambda mark, text: mark + text.replace(mark or "\0", "").rstrip("\\") + mark, quote, body),
        st.sampled_from(["\n", "\n", "\r\n", " # c\n", "\x0c\n", "\u2028\n", ""]),
    )
    line = st.tuples(*parts).map("".join) | st.sampled_from(["# c\n", "\n", "#\u00e9\udcff\n"]) | body
    return st.lists(line, max_size=5).map("".join)
