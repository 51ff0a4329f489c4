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

from ops.project.settings import Canary, Health, Hooks, Settings
from videa_cli.commands import Commands
from videa_cli.exit_codes import ExitCode

ODD = (
    *("", " ", "0", "-1", "+1", "9", "\uff19", "\u0663", "1e5", "1e999", "nan", "inf", "0x10", "1_000", "1" * 400),
    *("10m", "1m30s", "0s", "999999999h", "8760h", "2026-13-45", "1969-12-31", "9999-12-31T23:59:59"),
    *("/", "/etc", "/dev/zero", "/dev/null", "..", "x" * 300, "[/x]", "[red]", ":key:"),
    *("%s", "{0}", "$(x)", "$", "$$", "${A}", "${A:-3}", "${A", "*", "~", "'", '"', "\\", "#", " #", "=", "<<", "a=b"),
    *(
        "\n",
        "\r\n",
        "a\nREP=1",
        "\x0c",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u00e9",
        "\u0130",
        "\U0001f600",
    ),
    *("\udcff", "caf\udce9", "\ud800", "-", "--", "--help", "@x", "app:42", "app:", "::", "::1", "[::1", "10.0.0.0/99"),
    *("app", "nginx", "100", "5, 25, 100", "client", "cookie:x", "header:", "debug", "http://x", "tcp://[::1", "fail"),
)
"""Values that are something else to somebody: to YAML, a shell, a terminal, Go, Python, rich or a file system."""

LONG = st.sampled_from(["x", "9", "a/", "[", "${A:-", "\u00e9"]).map(lambda piece: piece * 5000)
TEXT = st.sampled_from(ODD) | st.text(max_size=8) | st.integers().map(str) | st.floats().map(str) | LONG
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
        if "--json" in arguments:
            return "" if self.out.endswith("}\n") and '"hint"' in self.out else "no JSON with a hint"
        return "" if SHAPE.fullmatch(self.err) else "not one line of what is wrong and one of what to do"


def speakable(argument: str) -> bool:
    """Whether a process can get it: an argument ends at a NUL, and its bytes are decoded by surrogateescape."""
    try:
        return b"\0" not in argument.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False


ARGUMENTS = TEXT.filter(speakable)


def command_lines() -> st.SearchStrategy[list[str]]:
    """Arguments that a process can get: a command with its own options, odd values, and more of them than it takes."""
    return st.one_of([_command_line(path) for path in _vocabulary()])


def _command_line(path: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    options = st.sampled_from([*_vocabulary()[path], "--help", "--no-such"])
    part = (
        ARGUMENTS.map(lambda value: [value])
        | st.tuples(options, ARGUMENTS).map(list)
        | st.tuples(options, ARGUMENTS).map(lambda pair: ["=".join(pair)])
        | options.map(lambda option: [option])
    )
    before = st.just([]) | st.tuples(st.sampled_from(["-f", "-p", "--file"]), ARGUMENTS).map(list)
    parts = st.tuples(before, st.lists(part, max_size=3))
    return parts.map(lambda both: [*both[0], *path, *(argument for each in both[1] for argument in each)])


@cache
def _vocabulary() -> dict[tuple[str, ...], list[str]]:
    """Each command with its options."""
    return {path: options for name, command in Commands().items() for path, options in _walk((name,), command)}


def _walk(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    yield path, [option for each in command.params for option in each.opts if option.startswith("-")]
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk((*path, name), inner)


def sections() -> st.SearchStrategy[Any]:
    """An x-videa section: its keys with odd values, now and then something else in its place."""
    names = [field.name for field in msgspec.structs.fields(Settings)]
    keys: dict[str, st.SearchStrategy[Any]] = dict.fromkeys([*names, "unknown"], VALUES)
    for name, kind in (("health", Health), ("canary", Canary), ("hooks", Hooks)):
        inner = [field.name for field in msgspec.structs.fields(kind)]
        keys[name] = st.fixed_dictionaries({}, optional=dict.fromkeys(inner, VALUES)) | VALUES
    return _some(keys) | VALUES


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
    database = TEXT.map(lambda text: f"postgresql://db/app?connection_limit={text}")
    return _some(
        {
            "image": TEXT,
            "labels": st.dictionaries(TEXT, words, max_size=2),
            "environment": st.fixed_dictionaries({}, optional={"DATABASE_URL": database | words, "A": words}),
            "deploy": st.none() | st.fixed_dictionaries({}, optional=deploy),
            "ports": st.lists(port, max_size=2),
            "container_name": TEXT,
            "healthcheck": st.fixed_dictionaries({}, optional={"disable": st.booleans(), "test": st.lists(TEXT)}),
            "x-other": VALUES,
        }
    )


def raw_services() -> st.SearchStrategy[dict[str, Any]]:
    """A service before its variables have values: anything may be a string, and a mapping may be a list."""
    names = ("image", "labels", "environment", "deploy", "ports", "scale", "x-other")
    deploy = st.fixed_dictionaries({}, optional={"replicas": SCALARS})
    return _some({**dict.fromkeys(names, TEXT | st.lists(TEXT, max_size=3)), "deploy": deploy | st.none()})


ENV_PIECES = (
    *("A", "REP", "export ", "=", "=", ": ", "1", "a b", "'", '"', "\n", "\n", "\n", "\r\n", "#", " # c", "$", "$A"),
    *("${A}", "${A:-", "}", "${A:+x}", "\\", "\\n", "\\'", "\t", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028"),
    *("\ufeff", "\u3000", "\u00e9", "\udcff", "\nREP=1\n", "'\nREP=2\n'", "\x00", "A=" + "x" * 3000, "[", "-", "."),
)


def env_files() -> st.SearchStrategy[str]:
    """The text of an env file, in which bytes that are not UTF-8 are surrogates."""
    return st.lists(st.sampled_from(ENV_PIECES), max_size=24).map("".join)


def _some(keys: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with up to three of the keys."""
    chosen = st.lists(st.sampled_from(sorted(keys)), unique=True, max_size=3)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keys[name] for name in names}))
