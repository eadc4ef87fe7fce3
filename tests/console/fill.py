"""Puts traffic into a store as the pipeline would: the sinks' own rows, and windows by rollup's own core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from callgauge.codec import encode
from callgauge.schema import Alert, AlertAction, EpochStart
from callgauge.settings import load_settings
from callgauge.structs import struct_of
from callgauge_history.store import Store
from callgauge_sinks.records import Batch, Record
from callgauge_sinks.rows import stored_offset_rows
from callgauge_sinks.specs import spec_of
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS, SCORES, Kind
from callgauge_streams.rollup.rows.partitions import messages_of
from callgauge_streams.rollup.source.state_machine import SourceRollup
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.row_batch import RowBatch
from tests.console.traffic import Traffic
from tests.unit.sinks.fakes import FakeMessage

__all__ = ["fill", "put_alerts"]

_CHUNK = 1_000


def fill(store: Store, traffic: Traffic, groupings: str) -> None:
    """Store everything."""
    config = RollupConfig(parse_groupings(groupings))
    calls = [encode(call) for call in traffic.calls]
    ends_ms = [round((call.ts + (call.latency_ms or 0) / 1e3) * 1e3) for call in traffic.calls]
    scores = [encode(score) for score in sorted(traffic.scores, key=lambda score: score.ts)]
    score_ms = sorted(round(score.ts * 1e3) for score in traffic.scores)
    for name, values in (("calls", calls), ("scores", scores)):
        _put(store, name, values)
    for name, values, stamps, kind in (("calls", calls, ends_ms, CALLS), ("scores", scores, score_ms, SCORES)):
        records = _rolled_up(config, f"c/{name}/0", values, stamps, kind)
        _put(store, "windows", [value for record in records for value in _messages(record)])
        batch = Batch(first_offsets={(name, 0): 0}, next_offsets={(name, 0): len(values)})
        _insert(store, stored_offset_rows(batch, name, f"c/{name}"))
    put_alerts(store, traffic.alerts)
    _put(store, "rules", [encode(mark) for mark in traffic.marks])


def put_alerts(store: Store, records: Sequence[Alert | AlertAction]) -> None:
    """Store transitions and actions."""
    _put(store, "alerts", [encode(each) for each in records])


def _rolled_up(
    config: RollupConfig, source: str, values: Sequence[bytes], stamps: Sequence[int], kind: Kind
) -> Iterator[Any]:
    """What a rollup worker would write; its blocks end by number alone, so that there are few."""
    rollup = SourceRollup(config, source, 0, kind=kind)
    yield struct_of(EpochStart)(source=source, from_offset=0, epoch=config.epoch, term=1)
    last = None
    for begin, end in pairwise([*range(0, len(values), _CHUNK), len(values)]):
        records = Records.of(range(begin, end), stamps[begin:end], values[begin:end])
        if closed := rollup.take(Chunk(0, 1, 1, 0, last, begin, records)):
            yield from closed.rows
            yield closed.summary
        last = end - 1
        yield from rollup.idle_records()


def _messages(record: Any) -> list[bytes]:
    return [value for _, value in messages_of(record, 1)] if isinstance(record, RowBatch) else [encode(record)]


def _put(store: Store, name: str, values: Sequence[bytes]) -> None:
    """What the sink of this name does with these messages."""
    settings = load_settings()
    origins = {topic.name: f"c/{topic.name.rpartition('.')[2]}" for topic in settings.topics.all()}
    spec = spec_of(name, settings, origins)
    decoded, faults = spec.decode(values)
    assert not faults
    messages = [FakeMessage(value, offset=offset) for offset, value in enumerate(values)]
    _insert(store, spec.rows([Record(value, messages[place], place) for place, value in enumerate(decoded)]))


def _insert(store: Store, tables: dict[str, Any]) -> None:
    for name, rows in tables.items():
        store.insert(name, rows)
