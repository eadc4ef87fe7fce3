"""`callgauge rules test` on windows that lie in a store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callgauge.codec import decode_window_record, encode
from callgauge.errors import CallgaugeError, RuleError, SettingError, StoreError
from callgauge.schema import EpochStart, ScoreRow, SignedHistogram
from callgauge_deploy import cli, stored_windows
from callgauge_deploy.stored_windows import stored_windows as read_windows
from callgauge_history.store import Store
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_sinks.records import Record
from callgauge_sinks.rows import window_record_rows
from callgauge_streams.detect.backtest import backtest, end_of
from callgauge_streams.detect.episodes import episodes_of
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.row_batch import RowBatch
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.made_calls import T0, store_calls
from tests.unit.streams.detect.windows_log import WINDOW_MS, row

START = 1_700_000_000_000 // 60_000 * 6  # 2023-11-14T22:13:00Z
RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 50%, for: 10s, severity: critical}
  - {name: bad_answers, by: [model], aggregate: score.relevance.mean, lookback: 10s, op: lt, value: 3}
  - {name: by_hand, by: [variant], aggregate: calls, lookback: 10s, value: 1}
"""


@pytest.fixture(autouse=True)
def asked(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The store that the command asks; returns a rule file."""

    @contextmanager
    def asking(_: object) -> Iterator[Callable[[str], Any]]:
        yield store.query

    monkeypatch.setattr("callgauge_history.query.asking", asking)
    monkeypatch.setattr(stored_windows, "_AT_ONCE", 5)
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def rules(asked: Path) -> list[BoundRule]:
    return bind(load_rules(asked), parse_groupings("model@10s"))


def score(model: str, window: int, millionths: int) -> Any:
    return decode_window_record(
        encode(
            ScoreRow(
                grouping="model@10s", series_id=ord(model), window_start_ms=window * WINDOW_MS, window_ms=WINDOW_MS,
                source="c/scores/0", block=0, epoch="e", name="relevance", origin="judge", n=2, labels={"model": model},
                sum=2 * millionths, sum_sq=1, min=millionths, max=millionths, min_event_id="x",
                histogram=SignedHistogram(scale=5, buckets={"700": 1}, negative={"3": 1}, zero_count=1),
            )
        )
    )  # fmt: skip


def final_rows() -> list[Any]:
    """Ten minutes: model a fails from minute 5 to 6, and is judged badly once."""
    rows = [row("a", START + at, 10 + at % 3, 9 if 30 <= at < 36 else 0, source="c/calls/0") for at in range(60)]
    rows += [row("b", START + at, 4, source="c/calls/1", block=at // 20) for at in range(60)]
    rows += [score("a", START + at, 1_000_000 if at == 10 else 4_000_000) for at in range(0, 60, 5)]
    return sorted(rows, key=lambda each: (end_of(each), each.kind, each.source, each.block))


def fill(store: Store, rows: list[Any]) -> None:
    store_records(store, [RowBatch.of_rows([each]) if each.kind == "row" else each for each in rows])


def store_records(store: Store, records: list[Any]) -> None:
    for table, columns in window_record_rows([Record(each, FakeMessage(b"")) for each in records]).items():
        store.insert(table, columns)


@pytest.fixture
def filled(store: Store) -> list[Any]:
    """The rows in the store: besides, an older version of one, and rows of an epoch that is void."""
    rows = final_rows()
    fill(store, rows)
    fill(store, [row("a", START + 3, 1, 1, source="c/calls/0"), score("a", START, 4_000_000)])
    fill(store, [row("b", START + 7, 500, 500, source="c/calls/1", epoch="void"), score("a", START, 4_000_000)])
    start = decode_window_record(encode(EpochStart(source="c/calls/1", from_offset=0, epoch="e", term=1)))
    store_records(store, [start])
    return rows


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["rules", "test", *arguments])


def test_rows_come_back_as_they_were_sent(store: Store, filled: list[Any], rules: list[BoundRule]) -> None:
    """In order of their ends, in parts of a few rows; neither old versions nor void rows."""
    found = list(read_windows(store.query, rules, START * WINDOW_MS, (START + 60) * WINDOW_MS))
    assert found == filled
    some = list(read_windows(store.query, rules, (START + 10) * WINDOW_MS, (START + 20) * WINDOW_MS))
    assert some == [each for each in filled if START + 10 <= each.window_start_ms // WINDOW_MS < START + 20]


def test_episodes_of_the_store_are_those_of_the_engine(filled: list[Any], rules: list[BoundRule], asked: Path) -> None:
    done = run(str(asked), "--from", "2023-11-14T22:13", "--to", "2023-11-14T22:23Z", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    wanted = episodes_of(backtest(rules, filled, (START + 60) * WINDOW_MS), 0)
    assert [(each["rule"], each["labels"]) for each in told["episodes"]] == [
        (each.rule, each.labels) for each in wanted
    ]
    assert [each["worst"] for each in told["episodes"]] == [1.0, pytest.approx(18 / 21)]
    assert told["episodes"][1]["points"][-1][0] == pytest.approx((START + 47) * WINDOW_MS / 1000)
    failing = next(each for each in told["episodes"] if each["rule"] == "failing")
    assert (failing["fired_at"], failing["resolved_at"]) == ("2023-11-14 22:18:30Z", "2023-11-14 22:19:10Z")
    assert told["days"] == [{"day": "2023-11-14", "alerts": 2, "pages": 1}]
    assert told["left_out"] == ["by_hand"]
    assert [(each["rule"], each["alerts"], each["pages"]) for each in told["rules"]] == [
        ("failing", 1, 1), ("bad_answers", 1, 0),
    ]  # fmt: skip
    assert not told["warm"]


@pytest.mark.usefixtures("filled")
def test_for_people(asked: Path) -> None:
    """Episodes, pictures with marks, counts; what is told only before --from is not counted."""
    done = run(str(asked), "--from", "2023-11-14T22:18:40Z", "--to", "2023-11-14T22:23Z")
    assert "2023-11-14 22:18:30Z (before)" in done.stdout
    assert "bad_answers\tmodel=a" not in done.stdout  # it was over by then
    assert "alerts: 0 (0.0 a day), pages: 0 (0.0 a day), by 2 rules" in done.stdout
    lines = done.stdout.splitlines()
    bars, marks = lines[(at := next(at for at, line in enumerate(lines) if "█" in line))], lines[at + 1]
    assert bars[marks.index("F")] in "▇█"
    assert marks.endswith("R")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["--from", "yesterday"], SettingError, "yesterday"),
        (["--from", "1h", "--to", "2h"], SettingError, "must be before"),
        (["--from", "2020-01-01", "--to", "2020-01-02"], StoreError, "the store has them from 2023-11-14 22:13:10Z"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_cannot_be_tested_is_one_line(
    asked: Path, arguments: list[str], error: type[CallgaugeError], says: str
) -> None:
    done = run(str(asked), *arguments)
    assert isinstance(done.exception, error)  # main() makes one line and exit code 1 of it
    assert says in str(done.exception)
    assert "\n" not in str(done.exception)


def test_no_windows_and_no_file(asked: Path) -> None:
    """An empty store, and a file that is not there."""
    empty, missing = run(str(asked), "--from", "1h"), run(str(asked.parent / "none.yaml"), "--from", "1h")
    assert "the store has no windows of model@10s" in str(empty.exception)
    assert isinstance(missing.exception, RuleError)
    assert "none.yaml" in str(missing.exception)


def test_rules_from_history_are_tested_too(store: Store, asked: Path) -> None:
    """By user, on calls that lie in the store; those of the stream are left out."""
    asked.write_text(
        "rules:\n"
        "  - {name: spending, by: [user_id], aggregate: cost_usd, lookback: 10m, value: 1, severity: critical}\n"
        "  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 50%}\n"
    )
    store_calls(store, [{"end": T0 + 90, "user_id": "ada", "cost_usd": 2.0}, {"end": T0, "user_id": "bob"}])
    done = run(str(asked), "--from", "2026-11-02T00:00", "--to", "2026-11-02T00:30", "--history", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [(each["rule"], each["labels"]) for each in told["episodes"]] == [("spending", {"user_id": "ada"})]
    assert told["left_out"] == ["failing"]
    assert [(each["rule"], each["alerts"], each["pages"]) for each in told["rules"]] == [("spending", 1, 1)]


@pytest.mark.usefixtures("filled")
def test_rules_that_compare_with_baselines_are_named(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test does not know what is pinned: which rules live tell something else, and which cannot fire here."""
    asked.write_text(
        "rules:\n"
        "  - {name: refused, by: [service, model], aggregate: score.refusal.rate_above_0, lookback: 5m,\n"
        "     detector: anytime_rate}\n"
        "  - {name: length, by: [service, model], aggregate: output_tokens_mean, lookback: 5m,\n"
        "     detector: drift_distribution, parameters: {only_pinned: true}}\n"
        "  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 50%}\n"
    )
    monkeypatch.setenv("CALLGAUGE_GROUPINGS", "model@10s service,model@10s")
    done = run(str(asked), "--from", "2023-11-14T22:13:10Z", "--to", "2023-11-14T22:20", "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    first, second = json.loads(done.stdout)["notes"]
    assert first.endswith("not known here: refused")
    assert second.endswith("pinned baselines alone: length")


def test_a_rule_that_is_judged_nowhere_is_told_with_the_reason(asked: Path) -> None:
    """Instead of a test that never fires."""
    asked.write_text("rules:\n  - {name: s, by: [user_id], aggregate: score.s.mean, lookback: 5m, value: 1}\n")
    done = run(str(asked), "--from", "1h", "--history")
    assert "s is judged nowhere: scores do not know the user_id of their call" in str(done.exception)
