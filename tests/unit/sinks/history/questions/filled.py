"""A store filled as the pipeline fills it: calls by the sink's rows, windows by rollup's state machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from callgauge.codec import encode
from callgauge.schema import Call, Score, StateChange
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows, score_record_rows, window_record_rows
from callgauge_streams.bus.blocks import BlockCutter
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS, SCORES
from callgauge_streams.rollup.source.state_machine import SourceRollup
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.messages import decode_windows
from tests.as_sent import as_sent
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.test_rows import call_record, score_record
from tests.unit.streams.rollup.source.test_state_machine import Log, Reader

__all__ = ["GROUPINGS", "add_alerts", "add_heartbeats", "fill", "rolled_up", "store_records"]

GROUPINGS = (
    "@10s model@10s service@10s service,feature,provider,model@60s service,model,prompt_version@60s operation@60s"
)
_BLOCK = 128


def fill(store: Store, calls: Sequence[Call], scores: Sequence[Score | StateChange]) -> None:
    """Store calls, scores and their windows, some of them twice: what comes again must change nothing."""
    for first in (0, len(calls) // 2):
        for table, rows in call_rows([call_record(c, 0, i) for i, c in enumerate(calls[first:], first)]).items():
            store.insert(table, rows)
        for table, rows in score_record_rows([score_record(s, 0, i) for i, s in enumerate(scores)]).items():
            store.insert(table, rows)
    records = [*rolled_up(calls, "c/t/0", CALLS), *rolled_up(scores, "c/s/0", SCORES)]
    store_records(store, records[::2])
    store_records(store, records)


def rolled_up(events: Iterable[Any], source: str, kind: Any, *, block: int = _BLOCK) -> list[Any]:
    """The rows and summaries of a partition that holds these.

    Args:
        block: events in a block of it.
    """
    log = Log()
    for offset, event in enumerate(events):
        log.offsets.append(offset)
        log.timestamps_ms.append(1_772_400_000_000)
        log.values.append(encode(event))
    config = RollupConfig(parse_groupings(GROUPINGS), block, 2_000, 0, 60_000)
    reader, worker = Reader(log), SourceRollup(config, source, 0, kind=kind)
    reader.seek(0)
    reader.cutter = BlockCutter(block)
    sent: list[Any] = []
    while reader.at < len(log.offsets):
        for chunk in reader.fetch(50):
            if closed := worker.take(chunk):
                sent += as_sent([*closed.rows, closed.summary])
    return [*sent, *as_sent(worker.idle_records())]


def store_records(store: Store, records: Iterable[Any]) -> None:
    """Store what was read from the windows topic."""
    read = [Record(decode_windows(encode(each)), FakeMessage(b"")) for each in records]
    for table, rows in window_record_rows(read).items():
        store.insert(table, rows)


def add_alerts(store: Store, start_ms: int) -> None:
    """Two rules: three episodes of one, of which one is open and one never fired, and one of the other."""
    episodes = [("a1", "f1", "slow", 5, True), ("a2", "f2", "slow", 50, False), ("a3", "f1", "slow", 70, True)]
    for alert_id, fingerprint, rule, minute, over in [*episodes, ("a4", "f9", "dear", 20, True)]:
        at = start_ms + minute * 60_000
        for seq, state in enumerate(("pending", "firing", "resolved")[: 3 if over else 2]):
            fired = at if state != "pending" else None
            _add_alert(store, (alert_id, fingerprint, rule), seq, state, at + seq, fired)
    _add_alert(store, ("a5", "f7", "slow"), 0, "pending", start_ms + 60_000, None)


def _add_alert(
    store: Store, names: tuple[str, str, str], seq: int, state: str, at_ms: int, fired_ms: int | None
) -> None:
    at, fired = (f"fromUnixTimestamp64Milli({ms})" if ms else "NULL" for ms in (at_ms, fired_ms))
    alert_id, fingerprint, rule = names
    starts = f"fromUnixTimestamp64Milli({at_ms - seq})"
    columns = "alert_id, fingerprint, rule, seq, state, severity, starts_at, at, fired_at, summary"
    store.command(
        f"INSERT INTO alerts ({columns}) VALUES ('{alert_id}', '{fingerprint}', '{rule}', {seq}, '{state}', 'error', "
        f"{starts}, {at}, {fired}, '{rule}!')"
    )


def add_heartbeats(store: Store, start_ms: int) -> None:
    """Of one service with a right clock, one a minute behind, and one of whose two processes is 5 s ahead."""
    for service, instance, skew_ms in (
        ("good", "g", 0),
        ("late", "l", -60_000),
        ("fast", "f1", 20),
        ("fast", "f2", 5_020),
    ):
        for beat, delay_ms in enumerate((20, 900, 40)):
            sent = start_ms + beat * 10_000
            store.command(
                "INSERT INTO heartbeats (service, instance, host, ts, appended_at) VALUES "
                f"('{service}', '{instance}', 'host-{instance}', fromUnixTimestamp64Milli({sent + skew_ms}), "
                f"fromUnixTimestamp64Milli({sent + delay_ms}))"
            )
