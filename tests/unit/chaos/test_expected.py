"""The truth of a run, worked out from a log that is written here by hand."""

from __future__ import annotations

from pathlib import Path

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge.settings import Settings, load_settings
from tests.chaos.expected import LogRecord, expect

SETTINGS: Settings = load_settings(
    groupings="@10s model@10s", dedup_offsets=10, dedup_s=5.0, out_of_orderness_ms=2_000, data_dir=Path("unused")
)
T = 1_700_000_000


def call(event_id: str, ts: float = T, cost_usd: float = 0.5) -> bytes:
    """A call that took no time."""
    return encode(Call(event_id=event_id, ts=ts, service="s", model="m", cost_usd=cost_usd, input_tokens=3))


def record(offset: int, value: bytes | None, append_s: float = T, partition: int = 0) -> LogRecord:
    """A record of the log."""
    return LogRecord(partition, offset, int(append_s * 1000), value)


def test_an_event_sent_again_is_stored_once_and_counted_once() -> None:
    """Windows leave it out, block summaries tell of it, the store replaces it."""
    expected = expect([record(0, call("a")), record(1, call("b")), record(2, call("a"))], SETTINGS)
    assert len(expected) == 2
    assert expected.windows["@10s", (), T * 1000]["n"] == 2
    assert dict(expected.books[0]) == {"records": 3, "counted": 2, "duplicates": 1, "late": 0}
    assert (expected.cost_nano, expected.tokens) == (1_000_000_000, 6)


def test_after_the_horizon_it_is_counted_again_but_still_stored_once() -> None:
    """The price of bounded memory."""
    expected = expect([record(0, call("a")), record(20, call("a"))], SETTINGS)
    assert len(expected) == 1
    assert expected.windows["@10s", (), T * 1000]["n"] == 2
    assert expected.total("duplicates") == 0


def test_poison_is_known_by_its_place() -> None:
    """It is in no window, and each has to become a dead letter."""
    expected = expect([record(0, b"{"), record(1, None), record(0, call("a"), partition=1)], SETTINGS)
    assert expected.poison == {(0, 0), (0, 1)}
    assert expected.total("dead") == 2
    assert expected.records == 3
    assert expected.windows["model@10s", ("m",), T * 1000]["n"] == 1


def test_late_is_what_was_appended_after_the_bound() -> None:
    """On the bound is on time; a late event is counted in its own window; a duplicate is not late again."""
    log = [record(0, call("a"), T + 2.0), record(1, call("b"), T + 2.001), record(2, call("b"), T + 2.002)]
    expected = expect(log, SETTINGS)
    assert expected.total("late") == 1
    assert expected.windows["@10s", (), T * 1000]["n"] == 2


def test_the_values_are_counted_as_often_as_they_are_there() -> None:
    """To hold the log against what was acknowledged."""
    expected = expect([record(0, call("a")), record(1, call("a")), record(2, b"{")], SETTINGS)
    assert sorted(expected.values.values()) == [1, 2]
