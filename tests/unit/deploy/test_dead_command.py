"""`callgauge dead`: what it prints, asks and refuses, with letters in memory."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from callgauge.schema import DeadLetter
from callgauge_deploy import cli
from callgauge_deploy.dead import Outcome, worth_sending
from callgauge_sinks.dead.resend import Resend, Skip
from callgauge_sinks.dead.selection import Group, LetterId, Selection, groups_of

VALUE = b'{"event_id": "\x1b[2J\xff'
LETTER = DeadLetter(
    topic="llm.calls", partition=0, offset=7, ts=1_700_000_000.25, reason="not \x1b[2J JSON: byte 12", size=len(VALUE),
    raw=base64.b64encode(VALUE).decode(),
)  # fmt: skip


class FakeLetters:
    """A few letters."""

    def __init__(self, *letters: DeadLetter) -> None:
        self._letters = letters

    def groups(self) -> list[Group]:
        return groups_of(self._letters)

    def heads(self, selection: Selection) -> list[DeadLetter]:
        return list(self.letters(selection))

    def letters(self, selection: Selection) -> Iterator[DeadLetter]:
        return (letter for letter in self._letters if selection.takes(letter))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], bool]]:
    """Has, for each resend, the chosen letters' offsets and whether it was a dry run."""
    runs: list[tuple[list[int], bool]] = []

    @contextmanager
    def letters_of(*_: object) -> Iterator[Any]:
        yield FakeLetters(LETTER, LETTER.model_copy(update={"offset": 8, "field": "ts"})), lambda records: set(), ""

    def resend(_: object, letters: Iterator[DeadLetter], known: object, *, dry_run: bool) -> Outcome:
        runs.append(([letter.offset for letter in letters], dry_run))
        outcome = Outcome()
        outcome.sent["llm.calls"] = 1_234
        outcome.skip(Skip(LetterId("llm.calls", 0, 8), "still \x1b[2J bad"))
        return outcome

    monkeypatch.setattr("callgauge_deploy.dead.letters_of", letters_of)
    monkeypatch.setattr("callgauge_deploy.dead.resend", resend)
    return runs


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli.app, ["dead", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_the_list(sent: object) -> None:
    """A line for each topic, reason and field, with times and an example; control characters are escaped."""
    at = "2023-11-14T22:13:20.250Z"
    assert run() == (
        "topic\treason\tfield\tcount\tfirst\tlast\texample\n"
        f"llm.calls\tnot \\x1b[#J JSON: byte #\t\t1\t{at}\t{at}\tllm.calls/0/7\n"
        f"llm.calls\tnot \\x1b[#J JSON: byte #\tts\t1\t{at}\t{at}\tllm.calls/0/8\n"
    )
    assert '"count": 1' in run("--format", "json")


def test_one_letter(sent: object) -> None:
    """All of it, escaped, or just its bytes."""
    assert run("show", "llm.calls/0/7") == (
        "record    llm.calls/0/7\nappended  2023-11-14T22:13:20.250Z\nreason    not \\x1b[2J JSON: byte 12\nfield\n"
        'bytes     19\nvalue     {"event_id": "\\x1b[2J\\xff\n'
    )
    done = CliRunner().invoke(cli.app, ["dead", "show", "llm.calls/0/7", "--raw"])
    assert done.stdout_bytes == VALUE


def test_a_letter_that_is_not_there(sent: object) -> None:
    """Exit code 1, and where to look."""
    assert "there is no dead letter llm.calls/0/9; `callgauge dead` gives examples" in run(
        "show", "llm.calls/0/9", code=1
    )


def test_what_is_sent_and_what_not(sent: list[tuple[list[int], bool]]) -> None:
    """Is said with the numbers and the reasons; nobody is asked where nobody can answer."""
    said = "sent: 1,234 to llm.calls\nskipped: 1 (llm.calls/0/8): still \\x1b[2J bad\n"
    assert run("resend") == said
    assert run("resend", "--reason", "json", "--id", "llm.calls/0/8", "--dry-run") == f"would be {said}"
    assert run("resend", "--until", "2023-11-14", "--yes") == said
    assert sent == [([7, 8], False), ([8], True), ([], False)]


def test_on_a_terminal_it_asks(sent: list[tuple[list[int], bool]], monkeypatch: pytest.MonkeyPatch) -> None:
    """How many, and where to; a no sends nothing."""
    monkeypatch.setattr("callgauge_deploy.dead_command.on_terminal", lambda: True)
    done = CliRunner().invoke(cli.app, ["dead", "resend"], input="n\n")
    assert done.exit_code == 1
    assert done.output.startswith("Send up to 2 messages to 127.0.0.1:9092 again? [y/N]: n")
    assert sent == []
    assert CliRunner().invoke(cli.app, ["dead", "resend"], input="y\n").exit_code == 0
    assert CliRunner().invoke(cli.app, ["dead", "resend", "--yes"]).exit_code == 0
    assert len(sent) == 2


def test_an_event_is_sent_once() -> None:
    """Not if the store has it, and not twice in a run."""

    def record(offset: int, event_id: str, topic: str = "llm.calls") -> Resend:
        return Resend(topic, 0, None, b"", event_id, 0.0, LetterId(topic, 0, offset))

    outcome, done = Outcome(), set[tuple[str, str]]()
    first: list[Resend | Skip] = [
        record(1, "a"),
        record(2, "b"),
        record(3, "a"),
        Skip(LetterId("llm.calls", 0, 4), "unreadable"),
    ]
    second = [record(5, "a"), record(6, "a", "llm.scores"), record(7, ""), record(8, "")]
    kept = [*worth_sending(first, {"b"}, done, outcome), *worth_sending(second, set(), done, outcome)]
    assert [found.letter.offset for found in kept] == [1, 6, 7, 8]
    assert {why.partition(":")[0]: letters for why, letters in outcome.skipped.items()} == {
        "its event is stored already": ["llm.calls/0/2"],
        "another letter of this run holds the same event": ["llm.calls/0/3", "llm.calls/0/5"],
        "unreadable": ["llm.calls/0/4"],
    }
