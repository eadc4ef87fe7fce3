"""What has moved since a baseline: from stored calls and scores to a verdict that counts and is no chance."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callgauge.codec import decode_call, decode_rules_record, decode_score, decoder_of, encode
from callgauge.errors import SettingError
from callgauge.schema import Baseline, Call, Content, CountedShare, Mark, Score
from callgauge_deploy import baselines, cli
from callgauge_history.quality_drift import drift_of
from callgauge_history.quality_figures import Kind, examples, figures, kinds_below, pairs_judged, quiet_week
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows, content_rows, score_record_rows
from tests.unit.sinks.fakes import FakeMessage

CHAT = Kind("chat", "m")
NOW = time.time() // 1 - 60.0
HOUR = 3_600.0


def baseline(refusals: int, answers: int, tokens: dict[str, int], mean: float) -> Baseline:
    shares = {"refusal": CountedShare(n=answers, above_zero=refusals)}
    return Baseline(
        service="chat", since=0, until=1, shares=shares, tokens=tokens, calls=sum(tokens.values()), mean_tokens=mean
    )


def moved(before: Baseline, now: Baseline) -> dict[str, bool]:
    return {each.what: each.moved for each in drift_of(before, now)}


def test_what_counts_and_is_no_chance_has_moved() -> None:
    """Refusals by 0.1, length by 30 %; what is not known has not."""
    same = {"50": 900, "60": 100}
    before = baseline(20, 1_000, same, 100.0)
    assert moved(before, before) == {"refusal": False, "hallucination_markers": False, "length": False}
    assert moved(before, baseline(150, 1_000, {"10": 1_000}, 10.0)) == {
        "refusal": True, "hallucination_markers": False, "length": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("refusals", "answers", "is_moved"),
    [(110, 1_000, False), (119, 1_000, False), (125, 1_000, True), (7, 50, False), (15, 50, True), (20, 49, False)],
)
def test_both_the_change_and_its_significance_are_needed(refusals: int, answers: int, is_moved: bool) -> None:
    """9 and 9.9 points are too little though significant; 12 points of 50 may be chance; of 49 nothing is said."""
    found = moved(baseline(20, 1_000, {}, 0.0), baseline(refusals, answers, {}, 0.0))
    assert found["refusal"] is is_moved


def test_another_mean_by_a_few_long_answers_has_not_moved() -> None:
    """The distribution must have changed too."""
    before = baseline(0, 100, {"50": 1_000}, 100.0)
    assert moved(before, baseline(0, 100, {"50": 999, "200": 1}, 140.0))["length"] is False


def fill(store: Store, refused: int, begin: float, name: str) -> None:
    """A hundred answers of an hour, some of them refusals, with their contents."""
    calls, scores, contents = [], [], []
    for n in range(100):
        ids: dict[str, Any] = {"event_id": f"{name}{n}", "trace_id": f"{name}{n}", "service": "chat"}
        at = begin + n * 30
        calls.append(Call(**ids, ts=at, model="m", output_tokens=0 if n == 0 else 40 if n < refused else 400))
        of: dict[str, Any] = {"origin": "heuristic", "labels": {"model": "m"}}
        for score, value in (("refusal", n < refused), ("hallucination_markers", 0), ("hedging", 3)):
            scores.append(Score(**ids, **of, score_id=f"{name}{n}{score}", ts=at, name=score, value=float(value)))
        contents.append(Content(**ids, ts=at, labels={"model": "m"}, prompt="Why?", response=f"No. {name}{n}"))
    stamp = round(time.time() * 1e3)

    def records(values: list[Any], decode: Any) -> list[Record]:
        return [Record(decode(encode(v)), FakeMessage(b"", "t", 0, n, stamp)) for n, v in enumerate(values)]

    for tables in (
        call_rows(records(calls, decode_call)),
        score_record_rows(records(scores, decode_score)),
        content_rows(records(contents, decoder_of(Content))),
    ):
        for table, rows in tables.items():
            store.insert(table, rows)


def test_figures_of_what_is_stored(store: Store) -> None:
    """Of one kind and time alone: shares of scores, tokens in buckets, and examples."""
    fill(store, 5, NOW - 10 * HOUR, "a")
    fill(store, 60, NOW - HOUR, "b")
    before = figures(store.query, CHAT, NOW - 11 * HOUR, NOW - 5 * HOUR)
    now = figures(store.query, CHAT, NOW - HOUR, NOW)
    assert before.shares["refusal"] == CountedShare(n=100, above_zero=5)
    assert (now.shares["refusal"].above_zero, now.calls) == (60, 100)
    assert now.mean_tokens == pytest.approx((59 * 40 + 40 * 400) / 100)
    assert now.tokens == {"zero": 1, "42": 59, "69": 40}
    assert moved(before, now) == {"refusal": True, "hallucination_markers": False, "length": True}
    assert figures(store.query, Kind("chat", "other"), 0, NOW).calls == 0
    assert figures(store.query, Kind("ch'at\\"), 0, NOW).shares == {}
    shown = examples(store.query, CHAT, "refusal", NOW - HOUR, NOW)
    assert [each.event_id for each in shown] == ["b59", "b58", "b57"]
    assert shown[0].response == "No. b59"


def test_a_week_without_alerts_is_quiet(store: Store) -> None:
    """The last seven days where nothing fired."""
    assert quiet_week(store.query, CHAT, NOW) == (NOW - 7 * 86_400, NOW)


def test_pairs_are_of_the_same_answers(store: Store) -> None:
    """A judge's score and a user's; the last of each."""
    of: dict[str, Any] = {"service": "chat", "labels": {"model": "m"}}
    given = [
        ("judge", "relevance", 4.0, "answer-1 j", "e1"),
        ("user", "thumbs", 0.0, "", "e1"),
        ("user", "thumbs", 1.0, "", "e1"),
        ("judge", "relevance", 2.0, "answer-1 j", "e2"),
        ("user", "thumbs", 1.0, "", "e3"),
    ]
    scores = [
        Score(score_id=f"s{n}", ts=NOW + n, name=name, value=value, origin=origin, comment=by, event_id=event, **of)  # type: ignore[arg-type]
        for n, (origin, name, value, by, event) in enumerate(given)
    ]
    rows = [Record(decode_score(encode(s)), FakeMessage(b"", "t", 0, n, 0)) for n, s in enumerate(scores)]
    for table, columns in score_record_rows(rows).items():
        store.insert(table, columns)
    assert pairs_judged(store.query, 28.0) == [("relevance", "answer-1 j", "thumbs", 4.0, 1.0)]
    assert pairs_judged(store.query, 28.0, "other") == []


@pytest.fixture
def commands(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The store and the rules topic of the commands, which is a list here."""
    topic: list[Any] = []

    @contextmanager
    def asking(settings: Any) -> Iterator[Any]:
        yield store.query

    class Publisher:
        def __init__(self, settings: Any) -> None: ...

        def publish(self, found: Baseline) -> None:
            topic.append(decode_rules_record(encode(found)))

    def read(settings: Any) -> tuple[list[Any], list[Any]]:
        return [r for r in topic if r.kind == "baseline"], [r for r in topic if r.kind == "mark"]

    monkeypatch.setattr("callgauge_history.query.asking", asking)
    monkeypatch.setattr("callgauge_actions.publish.BaselinePublisher", Publisher)
    monkeypatch.setattr(baselines, "read_rules_topic", read)
    return topic


def quality(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["quality", *arguments, "--service", "chat", "--model", "m"])


def test_a_baseline_is_pinned_and_what_moved_is_shown(store: Store, commands: list[Any]) -> None:
    """By hand; the newest counts. Exit code 1 and examples where something has moved, 0 where nothing has."""
    fill(store, 5, NOW - 10 * HOUR, "a")
    done = quality("pin", "--from", "11h", "--to", "5h", "--author", "ada")
    assert done.exit_code == 0, done.output
    assert "refusal 5.0% of 100" in done.output
    assert (commands[-1].chosen, commands[-1].author, commands[-1].calls) == ("hand", "ada", 100)
    same = quality("drift", "--from", "11h")
    assert same.exit_code == 0
    assert "refusal                 same   5.0% of 100 -> 5.0% of 100" in same.output
    fill(store, 60, NOW - HOUR, "b")
    found = quality("drift", "--from", "2h")
    assert found.exit_code == 1
    assert "refusal                 MOVED  5.0% of 100 -> 60.0% of 100" in found.output
    assert "b59: No. b59" in found.output
    assert '"moved": true' in quality("drift", "--from", "2h", "--json").output


def test_models_and_prompt_versions_of_a_service_are_pinned_with_it(store: Store, commands: list[Any]) -> None:
    """Since the stream compares each of them with its own; not those with few calls."""
    fill(store, 5, NOW - 10 * HOUR, "a")
    done = CliRunner().invoke(cli.app, ["quality", "pin", "--service", "chat", "--from", "11h", "--to", "5h"])
    assert done.exit_code == 0, done.output
    assert [(each.model, each.prompt_version, each.calls) for each in commands] == [("", "", 100), ("m", "", 100)]
    assert kinds_below(store.query, Kind("chat"), NOW - 11 * HOUR, NOW, 101) == []
    versions = [
        Call(event_id=f"v{n}", ts=NOW, service="chat", model="n", prompt_version=f"v{n % 2}") for n in range(99)
    ]
    for table, rows in call_rows(
        [Record(decode_call(encode(call)), FakeMessage(b"", "t", 0, n, 0)) for n, call in enumerate(versions)]
    ).items():
        store.insert(table, rows)
    of_n = kinds_below(store.query, Kind("chat"), NOW - HOUR, NOW + HOUR, 50)
    assert of_n == [Kind("chat", "n"), Kind("chat", "n", "v0")]


def test_a_deploy_mark_or_a_quiet_week_chooses_the_time(store: Store, commands: list[Any]) -> None:
    """The week up to the mark; without one it is said."""
    fill(store, 5, NOW - 10 * HOUR, "a")
    assert isinstance(quality("pin", "--mark").exception, SettingError)
    commands.append(Mark(mark_id="1", effective_from=NOW - 5 * HOUR, text="v2", service="chat"))
    commands.append(Mark(mark_id="2", effective_from=NOW - 4 * HOUR, text="v9", service="search"))
    assert quality("pin", "--mark").exit_code == 0
    assert (commands[-1].chosen, commands[-1].until) == ("mark", NOW - 5 * HOUR)
    assert quality("pin").exit_code == 0
    assert commands[-1].chosen == "quiet_week"


def test_without_a_baseline_it_says_what_to_do(commands: list[Any]) -> None:
    """And a time without answers is none."""
    assert "callgauge quality pin" in str(quality("drift").exception)
    assert "has no answers" in str(quality("pin", "--from", "1h").exception)


def test_agreement_of_nothing_is_said(commands: list[Any]) -> None:
    """Rather than an empty table."""
    done = CliRunner().invoke(cli.app, ["quality", "agreement"])
    assert done.exit_code == 0
    assert "is a judge set up" in done.output
