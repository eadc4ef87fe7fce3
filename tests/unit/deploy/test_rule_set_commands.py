"""`callgauge rules push` and `list`: what they check, say, write and refuse, with a topic in memory."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgauge.codec import encode
from callgauge.errors import RuleError, SettingError
from callgauge.schema import RuleSet
from callgauge.settings import Settings
from callgauge_deploy import cli
from callgauge_rules.rule_sets import RuleBook
from callgauge_streams.detect.rules_topic import Unusable, letter_of

NOW = 1_700_000_000.0
ONE = "rules:\n  - {name: a, by: [service], aggregate: calls, lookback: 5m, value: %d}\n"
TWO = ONE + "  - {name: b, by: [service], aggregate: errors, lookback: 5m, value: 1}\n"


class Topic:
    """The rules topic."""

    def __init__(self) -> None:
        self.records: list[tuple[int, bytes]] = []

    def reader(self, _: Settings, book: RuleBook) -> Topic:
        self.book = book
        return self

    def read(self) -> list[Unusable]:
        taken = [(at, value, self.book.take(at, ms, value)) for at, (ms, value) in enumerate(self.records)]
        return [Unusable(refused, letter_of("llm.rules", refused, value)) for _, value, refused in taken if refused]

    def close(self) -> None:
        """Nothing is open."""

    def writer(self, _: Settings) -> Topic:
        return self

    def publish(self, rule_set: RuleSet) -> None:
        self.records.append((round(time.time() * 1000), encode(rule_set)))


@pytest.fixture(autouse=True)
def topic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Topic:
    made = Topic()
    first = tmp_path / "first.yaml"
    first.write_text(ONE % 1)
    monkeypatch.setenv("CALLGAUGE_RULES_FILE", str(first))
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("callgauge_streams.detect.rules_topic.RulesTopic", made.reader)
    monkeypatch.setattr("callgauge_actions.publish.RuleSetPublisher", made.writer)
    monkeypatch.setattr(time, "time", lambda: NOW)
    return made


def rules(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["rules", *arguments])


def file_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "new.yaml"
    path.write_text(text)
    return str(path)


def test_push_says_what_changes_and_writes_the_file(topic: Topic, tmp_path: Path) -> None:
    done = rules("push", file_of(tmp_path, TWO % 2), "--by", "ada", "--why", "a test")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[:2] == ["changed a (value)", "added b"]
    assert "2 rules judge from 2023-11-14 22:13:50Z on" in done.stdout
    listed = json.loads(rules("list", "--json").stdout)["sets"]
    assert [(each["state"], each["rules"], each["author"]) for each in listed] == [
        ("in force", ["a"], ""), ("coming", ["a", "b"], "ada"),
    ]  # fmt: skip
    assert listed[1]["text"] == TWO % 2


def test_a_dry_run_writes_nothing(topic: Topic, tmp_path: Path) -> None:
    done = rules("push", file_of(tmp_path, TWO % 1), "--dry-run")
    assert "added b" in done.stdout
    assert "nothing was written" in done.stdout
    assert topic.records == []


def test_a_wrong_file_is_refused_before_anything_is_written(topic: Topic, tmp_path: Path) -> None:
    done = rules("push", file_of(tmp_path, ONE.replace("calls", "cals") % 1))
    assert isinstance(done.exception, RuleError)
    assert "line 2: a: aggregate" in str(done.exception)
    assert topic.records == []


@pytest.mark.parametrize("when", ["2023-11-14T22:13:00Z", "+10s", "soon", "+1x"])
def test_times_that_are_over_or_none_are_refused(topic: Topic, tmp_path: Path, when: str) -> None:
    done = rules("push", file_of(tmp_path, TWO % 1), "--effective-from", when)
    assert isinstance(done.exception, SettingError)
    assert topic.records == []


def test_a_later_push_with_the_same_time_takes_the_place(topic: Topic, tmp_path: Path) -> None:
    for text in (TWO % 1, ONE % 7):
        assert rules("push", file_of(tmp_path, text), "--effective-from", "+10m").exit_code == 0
    states = [each["state"] for each in json.loads(rules("list", "--json").stdout)["sets"]]
    assert states == ["in force", "replaced", "coming"]


def test_list_shows_what_is_refused(topic: Topic) -> None:
    wrong = RuleSet(version="x", effective_from=NOW, text="rules: []")
    topic.records.append((round(NOW * 1000), encode(wrong)))
    listed = rules("list").stdout
    assert "refused" in listed
    assert "there is no rule" in listed
