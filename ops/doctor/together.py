"""Combines the commands that several sources run in the same container into one.

Starting a command in a container costs the engine 0.1 s of CPU, more than most of the commands themselves. So the
scripts of the sources run in a single command, each with its own output.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Condition
from typing import NamedTuple, Protocol

from ops.errors import EngineError
from ops.models import ExecResult
from ops.platform.ports import Platform

PATIENCE = 1.0
"""Seconds that a source waits for the commands of the others."""

STAGGER = 0.2
"""Seconds between the starts of scripts, which would otherwise keep both cores of a small machine busy."""

MARK = "@videa-answer@"

_HEAD = """
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"""
_TAIL = f"""
wait
number=0
while [ -e "$folder/$number.code" ]; do
  printf '\\n{MARK}%s %s\\n' "$number" "$(cat "$folder/$number.code")"
  cat "$folder/$number"
  number=$((number + 1))
done
"""


class _Question(NamedTuple):
    container: str
    command: list[str]
    environment: Mapping[str, str]


class Asked(Protocol):
    """Runs read-only commands: a ``Platform``, or a party of ``Together``."""

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult: ...


class Together:
    """The commands of the sources ``parties``, which run in separate threads."""

    def __init__(self, platform: Platform, *parties: str) -> None:
        self._platform = platform
        self._changed = Condition()
        self._coming = set(parties)
        self._asked: dict[str, _Question] = {}
        self._begun = False
        self._answers: dict[str, ExecResult] | None = None

    @contextmanager
    def of(self, party: str) -> Iterator[Asked]:
        """Within the block, ``party`` may run one command. The others do not wait for a party outside its block."""
        try:
            yield _Party(self, party)
        finally:
            with self._changed:
                self._coming.discard(party)
                self._changed.notify_all()

    def ask(self, party: str, question: _Question) -> ExecResult:
        """The result; the command runs alone if the others are late or the combined one failed. Raises EngineError."""
        if not self._joins(party, question):
            return self._platform.ask(*question)
        with self._changed:
            self._changed.wait_for(lambda: self._begun or not self._coming, PATIENCE)
            first, self._begun = not self._begun, True
        if first:
            self._run()
        with self._changed:
            self._changed.wait_for(lambda: self._answers is not None)
            answer = (self._answers or {}).get(party)
        return answer or self._platform.ask(*question)

    def _joins(self, party: str, question: _Question) -> bool:
        """Whether the command joins the others: they have not started yet and use the same container."""
        with self._changed:
            self._coming.discard(party)
            self._changed.notify_all()
            if self._begun or any(other.container != question.container for other in self._asked.values()):
                return False
            self._asked[party] = question
            return True

    def _run(self) -> None:
        """Runs the combined command. If it fails or there is only one party, the parties run their own commands."""
        answers: dict[str, ExecResult] = {}
        try:
            if len(self._asked) > 1:
                with suppress(EngineError):
                    answers = self._all()
        finally:
            with self._changed:
                self._answers = answers
                self._changed.notify_all()

    def _all(self) -> dict[str, ExecResult]:
        """The results by party, without those whose script left no result, for example on a read-only file system."""
        parties, questions = list(self._asked), list(self._asked.values())
        environment = {name: value for question in questions for name, value in question.environment.items()}
        answer = self._platform.ask(questions[0].container, ["sh", "-c", script(questions)], environment)
        answers = {}
        for part in answer.output.split(f"\n{MARK}")[1:]:
            head, _, output = part.partition("\n")
            number, _, code = head.partition(" ")
            if number.isdecimal() and code.isdecimal():
                answers[parties[int(number)]] = ExecResult(int(code), output)
        return answers


class _Party(NamedTuple):
    """``Asked`` for one party."""

    together: Together
    name: str

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        return self.together.ask(self.name, _Question(container, command, environment or {}))


def script(questions: Sequence[_Question]) -> str:
    """A script that runs the commands, each STAGGER after the previous one, and prints their exit codes and outputs."""
    runs = (
        f'{{ {shlex.join(question.command)} >"$folder/{number}" 2>&1; echo "$?" >"$folder/{number}.code"; }} &'
        for number, question in enumerate(questions)
    )
    return _HEAD + f"\nsleep {STAGGER:g}\n".join(runs) + _TAIL
