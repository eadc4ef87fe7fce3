"""Builds pyarrow tables from decoded messages, with the columns that the migrations define. Pure.

Numbers are made integers by `callgauge.units`, as in rollup, so that sums over `calls` and over `windows` agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from callgauge.counted import LABELS
from callgauge.schema import AlertAction, BlockSummary, Heartbeat
from callgauge.structs import struct_of
from callgauge.units import event_ms, millionths
from callgauge_sinks.call_columns import call_columns
from callgauge_sinks.map_columns import map_column
from callgauge_sinks.records import Batch, Message, Record, Tables
from callgauge_sinks.window_columns import window_columns
from callgauge_windows.row_batch import RowBatch

__all__ = [
    "alert_record_rows",
    "call_rows",
    "content_rows",
    "dead_letter_rows",
    "heartbeat_rows",
    "place_columns",
    "score_record_rows",
    "stored_offset_rows",
    "window_record_rows",
    "window_rows",
]

_ACTION = struct_of(AlertAction)
TIME = pa.timestamp("ms", tz="UTC")
BUCKET_MAP = pa.map_(pa.int16(), pa.uint64())


def call_rows(records: Sequence[Record], origin: str = "") -> Tables:
    """Rows of `calls`; `origin` is the topic's "cluster id/topic id", empty when it is not known."""
    columns = call_columns([record.value for record in records])
    return {"calls": pa.table(columns | place_columns([record.message for record in records], origin))}


def place_columns(messages: Sequence[Message], origin: str) -> dict[str, pa.Array]:
    """The columns that say from which partition, offset and source each message came."""
    partitions = np.array([message.partition() or 0 for message in messages], dtype=np.int32)
    different, at = np.unique(partitions, return_inverse=True)
    # ClickHouse refuses a dictionary that has a value twice.
    sources = pa.array([source_of(origin, number) for number in different.tolist()] if origin else [""], pa.string())
    at = at if origin else np.zeros_like(at)
    return {
        "kafka_partition": pa.array(partitions),
        "kafka_offset": pa.array([message.offset() for message in messages], pa.int64()),
        "source": pa.DictionaryArray.from_arrays(at.astype(np.int32), sources),
    }


def score_record_rows(records: Sequence[Record], origin: str = "") -> Tables:
    """Rows of `scores` and `state_changes`; `origin` is the topic's "cluster id/topic id"."""
    tables: Tables = {}
    for kind, table, build in (("score", "scores", _score_columns), ("state_change", "state_changes", _change_columns)):
        if chosen := [record for record in records if record.value.__struct_config__.tag == kind]:
            values = [record.value for record in chosen]
            columns = (
                build(values) | _shared_columns(values) | place_columns([record.message for record in chosen], origin)
            )
            tables[table] = pa.table(columns)
    return tables


def _shared_columns(values: Sequence[Any]) -> dict[str, pa.Array]:
    return {
        "ts": pa.array([event_ms(value.ts, 0.0) for value in values], TIME),
        "service": _column(values, "service", pa.string()),
        "labels": map_column([value.labels for value in values]),
        "schema_version": _column(values, "schema_version", pa.uint16()),
    }


def _score_columns(scores: Sequence[Any]) -> dict[str, pa.Array]:
    columns = {name: _column(scores, name, pa.string()) for name in ("name", "origin", "trace_id", "comment")}
    columns["score_id"] = _column(scores, "event_id", pa.string())
    columns["event_id"] = _column(scores, "call_id", pa.string())
    columns["value"] = _column(scores, "value", pa.float64())
    columns["sample_rate"] = _column(scores, "sample_rate", pa.float64())
    columns["value_micro"] = pa.array([millionths(score.value) for score in scores], pa.int64())
    return columns


def _change_columns(changes: Sequence[Any]) -> dict[str, pa.Array]:
    columns = {name: _column(changes, name, pa.string()) for name in ("event_id", "from_state", "to_state", "reason")}
    return columns | {"breaker": _column(changes, "origin", pa.string())}


_HEARTBEAT_FIELDS = {
    str: pa.string(),
    int: pa.int64(),
    bool: pa.bool_(),
    float: pa.float64(),
}


def content_rows(records: Sequence[Record]) -> Tables:
    """Rows of `content`."""
    contents = [record.value for record in records]
    columns = {name: _column(contents, name, pa.string()) for name in ("event_id", "trace_id", "prompt", "response")}
    columns |= {name: _column(contents, name, pa.uint64()) for name in ("prompt_chars", "response_chars")}
    columns |= {name: _column(contents, name, pa.bool_()) for name in ("prompt_truncated", "response_truncated")}
    columns["sample_rate"] = _column(contents, "sample_rate", pa.float64())
    columns["redactions"] = map_column([content.redactions for content in contents], pa.map_(pa.string(), pa.uint64()))
    columns["appended_at"] = pa.array([record.message.timestamp()[1] for record in records], TIME)
    return {"content": pa.table(columns | _shared_columns(contents))}


def heartbeat_rows(records: Sequence[Record]) -> Tables:
    """Rows of `heartbeats`."""
    beats = [record.value for record in records]
    fields = {name: _HEARTBEAT_FIELDS[info.annotation] for name, info in Heartbeat.model_fields.items()}  # type: ignore[index]  # no union is among them
    columns = {name: _column(beats, name, kind) for name, kind in fields.items()}
    columns |= {name: _times([getattr(beat, name) for beat in beats]) for name in ("ts", "started_at")}
    columns["schema_version"] = _column(beats, "schema_version", pa.uint16())
    columns["appended_at"] = pa.array([record.message.timestamp()[1] for record in records], TIME)
    return {"heartbeats": pa.table(columns)}


def source_of(origin: str, partition: int) -> str:
    """A partition's source, "cluster id/topic id/partition"; empty when the origin is not known."""
    return f"{origin}/{partition}" if origin else ""


def stored_offset_rows(batch: Batch, sink: str, origin: str) -> Tables:
    """Rows of `stored_offsets`: which offsets of each source the sink has stored with this batch."""
    firsts = batch.first_offsets
    columns = {
        "sink": pa.array([sink] * len(firsts), pa.string()),
        "source": pa.array([source_of(origin, number) for _, number in firsts], pa.string()),
        "first_offset": pa.array(firsts.values(), pa.int64()),
        "next_offset": pa.array([batch.next_offsets[partition] for partition in firsts], pa.int64()),
    }
    return {"stored_offsets": pa.table(columns)}


def window_record_rows(records: Sequence[Record]) -> Tables:
    """Rows of `windows`, `score_windows`, `block_summaries` and `epochs`.

    Progress records, with which rollup tells detect how far it is, are not stored.
    """
    by_kind: dict[str, list[Any]] = {"rows": [], "score_row": [], "summary": [], "epoch": [], "progress": []}
    for record in records:
        by_kind[record.value.kind].append(record.value)
    builders = {"rows": window_rows, "score_row": _score_window_rows, "summary": _summary_rows, "epoch": _epoch_rows}
    tables: Tables = {}
    for kind, build in builders.items():
        if by_kind[kind]:
            tables |= build(by_kind[kind])
    return tables


def window_rows(batches: Sequence[RowBatch]) -> Tables:
    """Rows of `windows`."""
    return {"windows": pa.table(window_columns(batches))}


def _key_columns(rows: Sequence[Any]) -> dict[str, pa.Array]:
    """Identity, `n` (number of scores) and labels of rows of scores."""
    columns = {name: _column(rows, name, pa.string()) for name in ("grouping", "source", "epoch")}
    columns |= {name: _column(rows, name, pa.int64()) for name in ("window_ms", "block", "n")}
    columns["series_id"] = _column(rows, "series_id", pa.uint64())
    columns["window_start"] = pa.array([row.window_start_ms for row in rows], TIME)
    for label in LABELS:
        columns[label] = pa.array([row.labels.get(label, "") for row in rows], pa.string())
    return columns


def _score_window_rows(rows: Sequence[Any]) -> Tables:
    columns = _key_columns(rows) | {
        name: _column(rows, name, pa.string()) for name in ("name", "origin", "min_event_id")
    }
    columns |= {f"value_{name}": _column(rows, name, pa.int64()) for name in ("sum", "sum_sq", "min", "max")}
    columns["histogram"] = map_column([_buckets(row.histogram.buckets) for row in rows], BUCKET_MAP)
    columns["negative_histogram"] = map_column([_buckets(row.histogram.negative) for row in rows], BUCKET_MAP)
    columns["zero_count"] = _column(rows, "histogram.zero_count", pa.uint64())
    columns["scale"] = _column(rows, "histogram.scale", pa.int8())
    return {"score_windows": pa.table(columns)}


def _buckets(buckets: Mapping[str, int]) -> dict[int, int]:
    return {int(bucket): count for bucket, count in buckets.items()}


_SUMMARY_INTS = [
    name for name, field in BlockSummary.model_fields.items() if field.annotation is int and name != "first_ts_ms"
]


def _summary_rows(summaries: Sequence[Any]) -> Tables:
    columns = {name: _column(summaries, name, pa.int64()) for name in _SUMMARY_INTS}
    columns |= {name: _column(summaries, name, pa.string()) for name in ("source", "epoch")}
    columns["complete"] = _column(summaries, "complete", pa.bool_())
    columns["first_ts"] = pa.array([summary.first_ts_ms for summary in summaries], TIME)
    # ClickHouse keeps the summary with the largest version: of one block a complete one, else that which goes furthest.
    versions = [(1 << 62 if s.complete else 0) + s.last_offset for s in summaries]
    columns["version"] = pa.array(versions, pa.uint64())
    return {"block_summaries": pa.table(columns)}


def _epoch_rows(starts: Sequence[Any]) -> Tables:
    columns = {name: _column(starts, name, pa.int64()) for name in ("from_offset", "term", "lost_from")}
    columns |= {name: _column(starts, name, pa.string()) for name in ("source", "epoch")}
    return {"epochs": pa.table(columns)}


def alert_record_rows(records: Sequence[Record]) -> Tables:
    """Rows of `alerts` and `alert_actions`."""
    actions = [record.value for record in records if isinstance(record.value, _ACTION)]
    alerts = [record.value for record in records if not isinstance(record.value, _ACTION)]
    return (_alert_rows(alerts) if alerts else {}) | (_action_rows(actions) if actions else {})


def _alert_rows(alerts: Sequence[Any]) -> Tables:
    texts = [
        "alert_id",
        "fingerprint",
        "state",
        "rule",
        "severity",
        "aggregate",
        "op",
        "summary",
        "reason",
        "event_id",
        "runbook",
        *("detector", "provider", "service", "role", "suspected_cause", "log"),
    ]
    columns = {name: _column(alerts, name, pa.string()) for name in texts}
    columns |= {name: _column(alerts, name, pa.int64()) for name in ("seq", "n", "offset")}
    numbers = ("lookback_s", "threshold", "value", "baseline", "score", "heard")
    columns |= {name: _column(alerts, name, pa.float64()) for name in numbers}
    columns |= {name: _column(alerts, name, pa.list_(pa.string())) for name in ("event_ids", "held")}
    columns["points"] = _column(alerts, "points", pa.list_(pa.list_(pa.float64())))
    columns["flapping"] = _column(alerts, "flapping", pa.bool_())
    for name in ("starts_at", "at", "fired_at", "last_fired_at", "ends_at"):
        columns[name] = _times([getattr(alert, name) for alert in alerts])
    columns["labels"] = map_column([alert.labels for alert in alerts])
    columns["schema_version"] = _column(alerts, "schema_version", pa.uint16())
    return {"alerts": pa.table(columns)}


def _action_rows(actions: Sequence[Any]) -> Tables:
    texts = ["action_id", "action", "who", "why", "how", "receiver", "fingerprint", "alert_id", "silence_id"]
    texts.append("processes")
    columns = {name: _column(actions, name, pa.string()) for name in texts}
    columns["at"] = _times([action.at for action in actions])
    columns["matchers"] = _column(actions, "matchers", pa.list_(pa.string()))
    for name in ("starts_at", "ends_at"):
        columns[name] = _times([getattr(action, name) or None for action in actions])
    columns["schema_version"] = _column(actions, "schema_version", pa.uint16())
    return {"alert_actions": pa.table(columns)}


def dead_letter_rows(records: Sequence[Record], origins: Mapping[str, str] | None = None) -> Tables:
    """Rows of `dead_letters`; `origins`: topic -> "cluster id/topic id"."""
    letters = [record.value for record in records]
    columns = {name: _column(letters, name, pa.string()) for name in ("topic", "reason", "field", "raw")}
    columns |= {name: _column(letters, name, pa.int64()) for name in ("offset", "size")}
    columns["partition"] = _column(letters, "partition", pa.int32())
    sources = [source_of((origins or {}).get(letter.topic, ""), letter.partition) for letter in letters]
    columns["source"] = pa.array(sources, pa.string())
    columns["ts"] = _times([letter.ts for letter in letters])
    columns["schema_version"] = _column(letters, "schema_version", pa.uint16())
    return {"dead_letters": pa.table(columns)}


def _column(items: Sequence[Any], name: str, kind: pa.DataType) -> pa.Array:
    return pa.array(list(map(attrgetter(name), items)), kind)


def _times(seconds: Sequence[float | None]) -> pa.Array:
    """Convert epoch seconds to timestamps, rounded to the nearest millisecond."""
    return pa.array([None if s is None else round(s * 1e3) for s in seconds], TIME)
