"""One command for the questions that several sources have for the same container.

To start a command in a container costs the engine 0.1 s of a core, more than most commands cost there. So the scripts
of the sources run in one, each with an output of its own.
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
"""Seconds that a source waits for the questions of the others."""

STAGGER = 0.2
"""Seconds between the starts of two scripts, which would otherwise keep both cores of a small machine busy."""

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
    """What runs commands that only read: a ``Platform``, or a part of ``Together``."""

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult: ...


class Together:
    """The questions of the sources ``parties``, which run in threads of their own."""

    def __init__(self, platform: Platform, *parties: str) -> None:
        self._platform = platform
        self._changed = Condition()
        self._coming = set(parties)
        self._asked: dict[str, _Question] = {}
        self._begun = False
        self._answers: dict[str, ExecResult] | None = None

    @contextmanager
    def of(self, party: str) -> Iterator[Asked]:
        """Within the block, ``party`` may ask once. The others do not wait for one that has left its block."""
        try:
            yield _Party(self, party)
        finally:
            with self._changed:
                self._coming.discard(party)
                self._changed.notify_all()

    def ask(self, party: str, question: _Question) -> ExecResult:
        """The answer, alone if the others are too late or the common command has failed. Raises EngineError."""
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
        """Whether it can join the others' command: they have not begun, and query the same container."""
        with self._changed:
            self._coming.discard(party)
            self._changed.notify_all()
            if self._begun or any(other.container != question.container for other in self._asked.values()):
                return False
            self._asked[party] = question
            return True

    def _run(self) -> None:
        """Answers all callers; none if the command fails, and a single caller runs its own command."""
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
        """The answers by party; without those whose script has left none, such as where no file can be written."""
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
    """``Asked`` for one of them."""

    together: Together
    name: str

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        return self.together.ask(self.name, _Question(container, command, environment or {}))


def script(questions: Sequence[_Question]) -> str:
    """Runs the commands, each STAGGER after the one before, and prints their codes and outputs."""
    runs = (
        f'{{ {shlex.join(question.command)} >"$folder/{number}" 2>&1; echo "$?" >"$folder/{number}.code"; }} &'
        for number, question in enumerate(questions)
    )
    return _HEAD + f"\nsleep {STAGGER:g}\n".join(runs) + _TAIL
