"""Row builders: column for column what the tables have, integers by callgauge.units."""

from __future__ import annotations

import msgspec
import pytest

from callgauge.codec import decode_alert_record, decode_call, decode_calls, decode_score, decoder_of, encode
from callgauge.schema import (
    Alert,
    AlertAction,
    BlockSummary,
    Call,
    DeadLetter,
    EpochStart,
    Progress,
    Score,
    StateChange,
)
from callgauge_history.store import Store
from callgauge_sinks.building import build_rows
from callgauge_sinks.records import Record, dead_letter_of, decode_each, decode_messages
from callgauge_sinks.rows import (
    alert_record_rows,
    call_rows,
    dead_letter_rows,
    score_record_rows,
    stored_offset_rows,
    window_record_rows,
)
from callgauge_windows.messages import decode_windows
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.windows import score_row, window_row

CALL = Call(
    event_id="e1", ts=1_700_000_000.25, service="s", model="m", latency_ms=1_500.5, cost_usd=0.0021, input_tokens=7,
    tags={"team": "search"}, http_status=200, stream=True,
)  # fmt: skip


def call_record(call: Call, partition: int = 3, offset: int = 9) -> Record:
    return Record(decode_call(encode(call)), FakeMessage(b"", partition=partition, offset=offset))


SCORE = Score(
    score_id="s1", ts=1_700_000_000.25, service="s", name="helpfulness", value=-0.25, origin="judge", event_id="e1",
    labels={"model": "m"}, comment="no", trace_id="t",
)  # fmt: skip
CHANGE = StateChange(
    event_id="c1", ts=1_700_000_000.25, service="s", breaker="openai", from_state="closed", to_state="open", reason="5"
)


def score_record(record: Score | StateChange, partition: int = 3, offset: int = 9) -> Record:
    return Record(decode_score(encode(record)), FakeMessage(b"", partition=partition, offset=offset))


def columns_of(store: Store, table: str) -> set[str]:
    """Those that an insert gives: ClickHouse itself computes `version` of calls, from the record."""
    described = store.query(f"SELECT name, default_kind FROM system.columns WHERE table = '{table}'").rows
    return {name for name, kind in described if kind != "MATERIALIZED"}


def test_a_call_becomes_integers() -> None:
    """Event time is the end in ms, latency µs, cost nano-dollars; None stays None."""
    (row,) = call_rows([call_record(CALL)])["calls"].to_pylist()
    assert row["event_time_ms"] == 1_700_000_001_750
    assert row["event_time"].timestamp() == 1_700_000_001.75
    assert (row["latency_us"], row["cost_nano"], row["input_tokens"]) == (1_500_500, 2_100_000, 7)
    assert (row["output_tokens"], row["error_type"]) == (None, "")
    assert (row["kafka_partition"], row["kafka_offset"]) == (3, 9)
    assert row["tags"] == [("team", "search")]
    assert row["source"] == ""


def test_a_call_names_its_source() -> None:
    """Cluster id / topic id / partition, as windows do."""
    table = call_rows([call_record(CALL, partition) for partition in (3, 0, 3)], "cluster/topic")["calls"]
    assert table["source"].to_pylist() == ["cluster/topic/3", "cluster/topic/0", "cluster/topic/3"]


def test_a_score_and_a_change_become_rows_of_their_tables() -> None:
    """Their fields under their own names, millionths beside the value, and where they came from."""
    tables = score_record_rows([score_record(SCORE), score_record(CHANGE, offset=10)], "cluster/topic")
    [score], [change] = (tables[name].to_pylist() for name in ("scores", "state_changes"))
    given = SCORE.model_dump(exclude={"kind", "ts", "labels"})
    assert given.items() <= score.items()
    assert (score["ts"].timestamp(), score["labels"]) == (SCORE.ts, [("model", "m")])
    assert (score["value_micro"], score["source"], score["kafka_offset"]) == (-250_000, "cluster/topic/3", 9)
    given = CHANGE.model_dump(exclude={"kind", "ts", "labels"})
    assert given.items() <= change.items()
    assert (change["source"], change["kafka_offset"]) == ("cluster/topic/3", 10)


def test_a_letter_names_the_source_of_what_it_is_about() -> None:
    """By its topic; empty for a topic that nobody described."""
    letters = [DeadLetter(topic=topic, partition=2, offset=1, ts=1, reason="r", size=0, raw="") for topic in "ab"]
    records = [Record(decoder_of(DeadLetter)(encode(letter)), FakeMessage(b"")) for letter in letters]
    assert dead_letter_rows(records, {"a": "cluster/topic"})["dead_letters"]["source"].to_pylist() == [
        "cluster/topic/2",
        "",
    ]


def test_marks_cover_the_unreadable_too(store: Store) -> None:
    """From the first to the last message of a batch; batches add up, also when one comes again."""
    for offsets in ([5, 6], [7, 9], [5, 6]):
        batch = decode_messages([FakeMessage(b"{", "t", 1, offset) for offset in offsets], decode_calls)
        store.insert("stored_offsets", stored_offset_rows(batch, "calls", "c/t")["stored_offsets"])
    sql = "SELECT sink, source, first_offset, next_offset, stored_at > now() - 60 FROM stored_offsets FINAL"
    assert store.query(sql).rows == [["calls", "c/t/1", 5, 10, 1]]


def test_builders_and_tables_have_the_same_columns(store: Store) -> None:
    """No column is forgotten on either side."""
    alert = Alert(
        alert_id="a", fingerprint="f", seq=0, state="firing", rule="r", severity="info", labels={}, starts_at=1, at=2,
        aggregate="p95", lookback_s=60, op=">", threshold=1, value=None, n=0, summary="s",
    )  # fmt: skip
    action = AlertAction(action_id="1", action="resolve", at=3, who="ann", fingerprint="f", alert_id="a")
    letter = DeadLetter(topic="t", partition=0, offset=1, ts=1.5, reason="r", size=0, raw="")
    summary = BlockSummary(source="s", block=0, epoch="e", last_offset=1, complete=False, records=1, counted=1)
    start = EpochStart(source="s", from_offset=0, epoch="e", term=1)
    message = FakeMessage(b"")
    written = (window_row([1.0]), score_row([0.5, -0.5, 0.0]), summary, start)
    tables = (
        call_rows([call_record(CALL)])
        | score_record_rows([score_record(SCORE), score_record(CHANGE)])
        | alert_record_rows([Record(decode_alert_record(encode(each)), message) for each in (alert, action)])
        | dead_letter_rows([Record(decoder_of(DeadLetter)(encode(letter)), message)])
        | window_record_rows([Record(decode_windows(encode(each)), message) for each in written])
    )
    assert len(tables) == 10
    for name, table in tables.items():
        assert set(table.column_names) == columns_of(store, name)
        store.insert(name, table)
        assert store.query(f"SELECT count() FROM {name}").rows == [[1]]


def test_every_call_survives_the_way(store: Store) -> None:
    """What was sent is what a query gives."""
    calls = list(random_calls(500, seed=2))
    store.insert("calls", call_rows([call_record(call) for call in calls])["calls"])
    names = "event_id, latency_ms, time_to_first_token_ms, output_tokens, cost_usd, error_type, cache_hit"
    rows = store.query(f"SELECT {names} FROM calls ORDER BY event_id").rows
    expected = [
        [
            c.event_id,
            c.latency_ms,
            c.time_to_first_token_ms,
            c.output_tokens,
            c.cost_usd,
            c.error_type or "",
            c.cache_hit,
        ]
        for c in sorted(calls, key=lambda call: call.event_id)
    ]
    assert rows == expected


def test_clocks_gone_wild_are_stored(store: Store) -> None:
    """Events of 200 different days and the ends of the allowed range are one insert."""
    days = [0.0, *(1_500_000_000.0 + 86_400 * day for day in range(200)), 4_102_444_800.0]
    wild = [CALL.model_copy(update={"ts": ts, "event_id": str(i)}) for i, ts in enumerate(days)]
    wild.append(wild[-1].model_copy(update={"latency_ms": 1e12, "event_id": "last"}))
    store.insert("calls", call_rows([call_record(call) for call in wild])["calls"])
    assert store.query("SELECT count(), toYear(max(event_time)) FROM calls").rows == [[203, 2131]]


def test_progress_is_no_row() -> None:
    """Progress records and nothing else make no table."""
    progress = Progress(worker="w", at_ms=1, sources=[])
    assert window_record_rows([Record(decode_windows(encode(progress)), FakeMessage(b""))]) == {}


@pytest.mark.parametrize("n", [1 << 63, -(1 << 64)])
def test_what_fits_no_column_is_a_dead_letter(n: int) -> None:
    """One row beyond 64 bits among good ones goes alone."""
    good = encode(window_row([1.0, 2.0]))
    bad = msgspec.json.encode(msgspec.json.decode(good) | {"n": n})
    messages = [FakeMessage(value, offset=i) for i, value in enumerate([good, good, bad, good, b"{"])]
    batch = decode_messages(messages, decode_each(decode_windows))
    tables = build_rows(batch, window_record_rows)
    assert tables["windows"].num_rows == 3
    assert sorted(letter.offset for letter in batch.dead) == [2, 4]
    assert batch.unreadable == [False, False, True, False, True]


def test_a_letter_keeps_64_kib() -> None:
    """Of a large value the beginning and the size are kept."""
    letter = dead_letter_of(FakeMessage(b"x" * 100_000, offset=4, ts_ms=1_500), "too large")
    assert (letter.size, len(letter.raw), letter.ts, letter.offset) == (100_000, 87_384, 1.5, 4)
