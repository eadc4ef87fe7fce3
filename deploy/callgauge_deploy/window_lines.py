"""A message of the windows topic in lines that people can read: one for each row or control record. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from callgauge.errors import SettingError
from callgauge.printable import json_printable, printable
from callgauge_windows.histogram import quantile
from callgauge_windows.row_batch import RowBatch

__all__ = ["Matcher", "lines_of", "matcher_of"]


class Matcher:
    """Chooses rows.

    Args:
        grouping: name of a grouping set; "" for all.
        labels: label -> the value that a row must have.
    """

    def __init__(self, grouping: str, labels: Mapping[str, str]) -> None:
        self._grouping = grouping
        self._labels = dict(labels)

    @property
    def chooses(self) -> bool:
        """Whether anything was asked for. Then control records are left out."""
        return bool(self._grouping or self._labels)

    def takes(self, record: Any) -> bool:
        """Whether a row, of calls or of scores, is one of them."""
        if self._grouping and record.grouping != self._grouping:
            return False
        return all(record.labels.get(label) == value for label, value in self._labels.items())


def matcher_of(grouping: str, series: Sequence[str]) -> Matcher:
    """From a command's options.

    Args:
        series: "label=value", each.

    Raises:
        SettingError: one of them is not of this form.
    """
    labels = dict[str, str]()
    for text in series:
        label, equals, value = text.partition("=")
        if not equals or not label:
            raise SettingError(f"--series {text!r}: write label=value, such as model=gpt-4o")
        labels[label] = value
    return Matcher(grouping, labels)


def lines_of(record: Any, matcher: Matcher, *, as_json: bool = False) -> Iterator[str]:
    """A record of the topic, or each row of a batch.

    Args:
        record: what `callgauge_windows.messages.decode_windows` gives.
        as_json: one JSON object a line, with everything.
    """
    for each in record.rows() if isinstance(record, RowBatch) else [record]:
        is_row = each.kind in ("row", "score_row")
        if matcher.takes(each) if is_row else not matcher.chooses:
            yield json_printable(json.dumps(msgspec.to_builtins(each))) if as_json else printable(_line_of(each))


def _line_of(record: Any) -> str:
    match record.kind:
        case "row":
            return f"{_where(record)}  {_counts(record)}  {_block(record)}"
        case "score_row":
            mean = record.sum / record.n / 1e6
            told = f"{record.name} by {record.origin}  n={record.n:,} mean={mean:.4g} min={record.min / 1e6:.4g}"
            return f"{_where(record)}  {told}  {_block(record)}"
        case "summary":
            end = "complete" if record.complete else f"up to offset {record.last_offset:,}"
            books = f"{record.records:,} records = {record.counted:,} counted + {record.duplicates:,} duplicates"
            return f"block {end}: {books} + {record.dead:,} dead  {_block(record)}"
        case "epoch":
            return f"epoch {record.epoch} from offset {record.from_offset:,} on, term {record.term}  {record.source}"
        case _:
            sources = ", ".join(map(_progress, sorted(record.sources, key=_place)))
            return f"progress of {record.worker}: {sources or 'no sources'}"


def _place(source: Any) -> tuple[str, int]:
    """The topic, by what it holds, and the partition."""
    return source.holds, int(source.source.rpartition("/")[2])


def _progress(source: Any) -> str:
    upto = _time(source.watermark_ms) if source.watermark_ms > 0 else "no event yet"  # 0: its watermark is not known
    holds, partition = _place(source)
    return f"{holds} {partition} at {source.next_offset:,} ({upto}{', idle' if source.idle else ''})"


def _where(row: Any) -> str:
    labels = " ".join(f"{name}={value}" for name, value in row.labels.items()) or "all calls"
    return f"{_time(row.window_start_ms)} {row.grouping}  {labels}"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1e3, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _block(record: Any) -> str:
    return f"[{record.source.rpartition('/')[2]}/{record.block} {record.epoch}]"


def _counts(row: Any) -> str:
    parts = [f"n={row.n:,}"]
    if row.errors:
        parts.append("errors " + ",".join(f"{kind}={count}" for kind, count in row.errors.items()))
    parts += [f"{name}={value:,}" for name in ("fallbacks", "cancelled") if (value := getattr(row, name))]
    if latency := row.measures.get("latency"):
        parts.append(f"p50={_quantile(latency, 0.5) / 1e3:,.0f}ms p95={_quantile(latency, 0.95) / 1e3:,.0f}ms")
    if cost := row.measures.get("cost"):
        parts.append(f"cost=${cost.sum / 1e9:,.4f}")
    return " ".join(parts)


def _quantile(measure: Any, q: float) -> float:
    buckets = {int(bucket): count for bucket, count in measure.histogram.buckets.items()}
    return quantile(measure.histogram.zero_count, buckets, q) or 0.0
