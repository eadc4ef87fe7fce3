"""Budgets, experiments, marks, adjustments, erasure and reviews on the command line."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from callgauge.errors import SettingError, StoreError
from callgauge.settings import load_settings
from callgauge_deploy import cli, mark_command
from callgauge_deploy.experiment_command import sentence_of
from callgauge_history import query
from callgauge_history.experiments.decision import judge_scores
from callgauge_history.experiments.experiment import ScoreResult
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls, store_scores

NOW = T0 + 12 * 3_600
BUDGETS = "budgets:\n  - {name: users, by: user_id, limit: 10, period: day}\n"


@pytest.fixture(autouse=True)
def asked(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands ask the test's store, at noon of its first day."""

    @contextmanager
    def asking(_: object) -> Iterator[Any]:
        yield store.query

    @contextmanager
    def writing(_: object) -> Iterator[Any]:
        yield store

    monkeypatch.setattr("callgauge_history.query.asking", asking)
    monkeypatch.setattr("callgauge_history.query.writing", writing)
    monkeypatch.setattr(time, "time", lambda: NOW)
    (tmp_path / "budgets.yaml").write_text(BUDGETS)
    monkeypatch.setenv("CALLGAUGE_BUDGETS_FILE", str(tmp_path / "budgets.yaml"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def told(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_budgets_are_listed_and_checked(store: Store) -> None:
    """Who has spent most first; the exit code of a check says whether it is allowed."""
    store_calls(store, [{"end": NOW - 3_600 * at, "user_id": "ada", "cost_usd": 1.0} for at in range(1, 9)])
    store_calls(store, [{"end": NOW - 60, "user_id": "bob", "cost_usd": 1.0}])
    [ada, bob] = told("budget", "list")
    assert (ada["value"], ada["spent"], ada["share"], ada["left"]) == ("ada", 8.0, 0.8, 2.0)
    assert (bob["period"]["name"], bob["burn"]) == ("2026-11-02", pytest.approx(2.4))
    assert "user_id=ada\t2026-11-02\t$8\t$10\t80.0%" in run("budget", "list").stdout
    codes = {cost: run("budget", "check", "--user", "ada", "--cost", cost).exit_code for cost in ("0", "1", "3")}
    assert codes == {"0": 0, "1": 3, "3": 1}
    refused = run("budget", "check", "--user", "ada", "--cost", "3", "--json")
    assert json.loads(refused.stdout)["decision"] == "hard"
    assert run("budget", "check", "--label", "service=chat").stdout == "ok: no budget concerns this call\n"
    for wrong in (("list", "other"), ("check", "--label", "x"), ("check", "--label", "colour=red")):
        assert isinstance(run("budget", *wrong).exception, SettingError)


def test_erasure_tells_and_removes(store: Store) -> None:
    """A dry run removes nothing."""
    store_calls(store, [{"end": NOW - 60, "user_id": "ada"}, {"end": NOW - 60, "user_id": "bob"}])
    dry = told("erase", "--user", "ada", "--dry-run")
    assert (dry["erased"], dry["rows"]["calls"]) == (False, 1)
    assert dry["on_the_bus_until"]["llm.calls"] == NOW - 60 + 7 * 86_400
    done = run("erase", "--user", "ada")
    assert "asked again: no row of this user is left in the store" in done.stdout
    assert "llm.calls: may hold records of this user until 2026-11-09" in done.stdout
    assert store.query("SELECT user_id FROM calls").rows == [["bob"]]


def test_prices_of_a_file_are_applied(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To calls without a cost; then nothing is left to do."""
    (tmp_path / "prices.yaml").write_text("prices:\n  - {model: house, input_mtok: 2, output_mtok: 4}\n")
    monkeypatch.setenv("CALLGAUGE_PRICES_FILE", str(tmp_path / "prices.yaml"))
    store_calls(store, [{"end": NOW - 60, "model": "house", "input_tokens": 1_000_000, "output_tokens": 500_000}])
    dry = told("reprice", "--from", "1h", "--dry-run")
    assert (dry["written"], dry["adjusted"], dry["models"]["house"]["after_usd"]) == (False, 1, 4.0)
    assert "1 of 1 calls adjusted" in run("reprice", "--from", "1h").stdout
    assert told("reprice", "--from", "1h")["adjusted"] == 0
    assert store.query("SELECT cost_usd FROM calls_priced").rows == [[4.0]]
    assert isinstance(run("reprice", "--from", "now", "--to", "1h").exception, SettingError)


def test_an_experiment_is_told(store: Store) -> None:
    """A table, and a sentence with the decision."""
    chosen = random.Random(1)
    calls, scores = [], []
    for number in range(1_200):
        variant = "new" if number % 2 else "old"
        calls.append({"end": NOW - 600 + number / 10, "variant": variant})
        value = chosen.choice([1, 2, 3]) + number % 2
        scores.append({"ts": NOW - 600, "name": "helpful", "value": value, "labels": {"variant": variant}})
    store_calls(store, calls)
    store_scores(store, scores)
    done = run("experiment", "old", "new", "--score", "helpful", "--from", "1d")
    assert done.exit_code == 0, done.output
    assert "old: 600 calls; new: 600 calls" in done.stdout
    assert "helpful: new is better than old, a large effect (Cliff's delta +0." in done.stdout
    found = told("experiment", "old", "new", "--score", "-helpful", "--from", "1d")
    assert found["scores"][0]["judgement"]["outcome"] == "worse"
    assert (
        "helpful: not enough yet: old needs 400 more scores and new needs 400 more scores"
        in run("experiment", "old", "new", "--score", "helpful", "--from", "1d", "--least", "1000").stdout
    )
    assert isinstance(run("experiment", "a", "b", "--score", "s", "--label", "colour").exception, SettingError)


def test_decisions_in_words() -> None:
    """Each of them says what was found."""
    a = np.array([float(at % 5) for at in range(600)])
    judged = {
        "no difference seen yet": judge_scores(a, a),
        "do not trust it: the groups do not have the sizes of the split": judge_scores(a, a, sizes=(600, 900)),
        "not enough yet: a needs 590 more scores": judge_scores(a[:10], a, least=600),
    }
    for words, judgement in judged.items():
        assert words in sentence_of(ScoreResult("s", True, 1.0, 1.0, judgement), "a", "b")


def test_marks_are_made_listed_and_reported(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """`callgauge mark TEXT` is short for `mark add TEXT`."""
    sent: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(mark_command, "_send", lambda key, value: sent.append((key, value)))
    arguments = ("a -> b", "--service", "chat", "--at", "10m", "--label", "environment=prod", "--author", "ada")
    done = run("mark", *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    [(key, value)] = sent
    mark = json.loads(value)
    assert (key, mark["text"], mark["service"]) == (f"mark/{mark['mark_id']}".encode(), "a -> b", "chat")
    assert (mark["effective_from"], mark["labels"], mark["author"]) == (NOW - 600, {"environment": "prod"}, "ada")
    row = f"('m1', {int(NOW) - 600}, 'a -> b', 'chat')"
    store.command(f"INSERT INTO marks (mark_id, effective_from, text, service) VALUES {row}")
    store_calls(store, [{"end": NOW - 1_190 + at, "cost_usd": 0.01 * (1 + (at >= 590))} for at in range(1_180)])
    assert [each["mark_id"] for each in told("mark", "list", "--service", "chat")] == ["m1"]
    found = told("mark", "report", "m", "--span", "10m")
    assert (found["calls_before"], found["calls_after"]) == (590, 590)
    text = run("mark", "report", "m1", "--span", "10m").stdout
    assert "a -> b, since 2026-11-02 11:50:00" in text
    assert "cost ($)\t0.01\t0.02" in text
    assert isinstance(run("mark", "report", "m1", "--span", "soon").exception, SettingError)


def test_a_review_and_its_page(store: Store, tmp_path: Path) -> None:
    """Text, JSON and HTML of one week."""
    store_calls(store, [{"end": NOW - 60 * at} for at in range(200)])
    done = run("review", "--week", "2026-W45", "--html", str(tmp_path / "week.html"))
    assert done.exit_code == 0, (done.output, done.exception)
    assert "Week 2026-W45, from 2026-11-02" in done.stdout
    assert "calls: 0 -> 200" in done.stdout
    assert "error rate: - -> 0.00%" in done.stdout
    assert "2026-W45 is not over" in done.stderr
    assert "is not over" not in run("review", "--week", "2026-W44").stderr
    assert "data:image/png" in (tmp_path / "week.html").read_text()
    assert told("review", "--week", "2026-W45")["sections"][0]["title"] == "In all"
    assert isinstance(run("review", "--week", "45").exception, SettingError)
    assert isinstance(run("review", "--week", "2026-W45", "--html", str(tmp_path)).exception, SettingError)


def test_who_writes_needs_the_store_for_himself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a running local stack erasing is refused in one line."""
    monkeypatch.undo()
    settings = load_settings(data_dir=tmp_path, store=f"chdb://{tmp_path / 'clickhouse'}")
    (tmp_path / "stack.json").write_text("{}")
    monkeypatch.setattr(query, "ask_process", lambda *_: object())
    with pytest.raises(StoreError, match="the local stack holds the store"), query.writing(settings):
        pass
