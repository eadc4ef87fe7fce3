"""Straight from made-up calls to window rows, through rollup's own core, without bus, bytes or clock: for benchmarks of
what judges windows. The rows are those that rollup makes of the same calls on a topic, but for where blocks end.

    for timestamp_ms, record in rows_of(load.play().batches(), load.world, config): engine.take(...)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from callgauge.counted import OUTCOME_FIELDS
from callgauge.schema import EpochStart, Progress
from callgauge.structs import struct_of
from callgauge_load.made.batch import ERROR_TYPES, FINISHES, STATUSES, Array, Batch
from callgauge_load.made.labels import label_codes, labels_of
from callgauge_load.made.messages import LIMIT, ids_of, judged, remaining, score_messages
from callgauge_load.made.world import World
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import PADDING, Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS, SCORES, Kind
from callgauge_streams.rollup.reading.call_reader import Calls
from callgauge_streams.rollup.reading.event_ids import EventIds
from callgauge_streams.rollup.source.state_machine import SourceRollup

__all__ = ["SCORES_SOURCE", "SOURCE", "Source", "rows_of"]

#: The names of the two sources.
SOURCE, SCORES_SOURCE = "load/calls/0", "load/scores/0"

_EpochStart: Any = struct_of(EpochStart)
_Progress: Any = struct_of(Progress)
_ID_BYTES = 32


def rows_of(
    batches: Iterable[Batch], world: World, config: RollupConfig, *, scores: bool = True, step_ms: int = 0
) -> Iterator[tuple[int, Any]]:
    """What a rollup worker would write to the windows topic: an epoch's start of each source, then block by block the
    rows, the summary of the block before, and a progress record after which everything up to then may be judged.

    Time is the load's own: a record's append time is when the call's event is sent. A window that spans two blocks has
    two rows, as always when a block ends.

    Args:
        batches: calls in the order in which they are sent.
        scores: whether the rows of scores are made, too.
        step_ms: a block is what is sent between two multiples of it, and windows are judged at each, as live, whether
            or not there are calls; 0: a block is a batch, judged as far as the calls go.

    Returns:
        (timestamp of the record, epoch ms; record as detect takes it), in the order of the log.
    """
    reader, clock_ms = _Columns(world, config.labels), 0
    calls = Source(config, SOURCE, replace(CALLS, reader=lambda labels: reader))
    sources = [calls, Source(config, SCORES_SOURCE, SCORES)] if scores else [calls]
    for batch in batches:
        if not len(batch):
            continue
        sent_ms = (batch.sent_s * 1e3).astype(np.int64)
        if not clock_ms:
            clock_ms = int(sent_ms[0])
            yield from ((clock_ms, source.start) for source in sources)
        reader.hold(batch)
        for first, last, end_ms in _steps(sent_ms, clock_ms, step_ms):
            clock_ms = max(clock_ms, end_ms)
            records = reader.records(first, last, calls.next_offset, sent_ms)
            yield from ((clock_ms, record) for record in calls.take(records))
            for source in sources[1:]:
                part = batch.take(np.arange(first, last))
                yield from ((clock_ms, each) for each in source.take(_score_records(world, part, source.next_offset)))
            told = [source.progress(end_ms if step_ms else None) for source in sources]
            yield clock_ms, _Progress(worker="load", at_ms=clock_ms, sources=told)


def _steps(sent_ms: Array, clock_ms: int, step_ms: int) -> Iterator[tuple[int, int, int]]:
    """First call, end of the calls, and time of each block of a batch."""
    if not step_ms:
        yield 0, len(sent_ms), int(sent_ms[-1])
        return
    ends = np.arange(clock_ms // step_ms + 1, int(sent_ms[-1]) // step_ms + 2) * step_ms
    lasts = np.searchsorted(sent_ms, ends).tolist()
    yield from zip([0, *lasts[:-1]], lasts, ends.tolist(), strict=True)


class Source:
    """Rollup of one source whose every batch of records is a block."""

    def __init__(self, config: RollupConfig, name: str, kind: Kind) -> None:
        self._rollup = SourceRollup(config, name, 0, kind=kind)
        self._block = 0
        self._last: int | None = None
        self.start = _EpochStart(source=name, from_offset=0, epoch=config.epoch, term=1)

    @property
    def next_offset(self) -> int:
        """The offset of the next record."""
        return self._rollup.next_offset

    def take(self, records: Records) -> Iterator[Any]:
        """Count a block; gives the end of the block before, and all rows of this one."""
        if not len(records):
            return
        self._block = self.next_offset
        chunk = Chunk(0, 1, 1, 0, self._last, self._block, records)
        self._last = chunk.last
        if closed := self._rollup.take(chunk):
            yield from closed.rows
            yield closed.summary
        yield from self._rollup.idle_records()

    def progress(self, watermark_ms: int | None) -> Any:
        """How far it is; the blocks before the last are committed.

        Args:
            watermark_ms: None: as rollup has it.
        """
        told = self._rollup.progress(idle=False)
        told.committed = self._block
        if watermark_ms is not None:
            told.watermark_ms = watermark_ms
        return told


def _score_records(world: World, batch: Batch, first: int) -> Records:
    """The scores as they are on the bus; they are few."""
    scored = judged(batch)
    values = [value for _, value in score_messages(world, scored)]
    sent_ms = (scored.sent_s * 1e3).astype(np.int64)
    return Records.of(range(first, first + len(values)), sent_ms.tolist(), values)


class _Columns:
    """Gives the calls of the batch at hand to rollup as columns, where `CallReader` reads them from JSON."""

    def __init__(self, world: World, labels: tuple[str, ...]) -> None:
        self._world = world
        self._names = labels
        self._labels: _Coded = _Coded(lambda code: tuple(labels_of(world, code)[name] for name in labels))
        self._outcomes: _Coded = _Coded(_outcome)
        self._first, self._last = 0, 0

    def hold(self, batch: Batch) -> None:
        """The calls at hand are these."""
        self._hex = ids_of(batch)
        self._ids = (batch.id_high ^ (batch.id_low * np.uint64(0x9E3779B97F4A7C15))).view(np.int64)
        self._numbers = _numbers(batch)
        self._label_codes = self._labels.codes_of(label_codes(self._world, batch))
        self._outcome_codes = self._outcomes.codes_of(_outcome_codes(batch))

    def records(self, first: int, last: int, offset: int, sent_ms: Array) -> Records:
        """Records of some of the calls, which are read next. Their values are the event ids alone."""
        self._first, self._last = first, last
        n = last - first
        ends = np.arange(1, n + 1) * _ID_BYTES
        data = self._hex[first:last].tobytes() + bytes(PADDING)
        at = np.column_stack([ends - _ID_BYTES, ends])
        return Records(np.arange(offset, offset + n), sent_ms[first:last], data, at)

    def read(self, records: Records) -> tuple[Calls, list[int]]:
        these = slice(self._first, self._last)
        calls = Calls(
            ids=self._ids[these],
            numbers=self._numbers[these],
            labels=self._label_codes[these],
            label_values=self._labels.values,
            outcomes=self._outcome_codes[these],
            outcome_values=self._outcomes.values,
            event_ids=EventIds(records.data, records.value_at),
        )
        return calls, []

    @property
    def codes(self) -> int:
        return 0  # they are few


class _Coded:
    """Numbers values as they appear."""

    def __init__(self, value_of: Any) -> None:
        self.values: list[tuple[Any, ...]] = []
        self._value_of = value_of
        self._known: dict[int, int] = {}

    def codes_of(self, keys: Array) -> Array:
        """The code of each key."""
        unique, inverse = np.unique(keys, return_inverse=True)
        codes = []
        for key in unique.tolist():
            if key not in self._known:
                self._known[key] = len(self.values)
                self.values.append(self._value_of(key))
            codes.append(self._known[key])
        return np.array(codes, dtype=np.int64)[inverse]


def _numbers(batch: Batch) -> Array:
    """The COUNTED_NUMBERS, in the precision of the messages."""
    none = np.full(len(batch), -1.0)
    given = np.full(len(batch), float(LIMIT))
    columns = [
        (batch.start_s + batch.skew_s).round(6),
        batch.latency_ms.round(3),
        np.nan_to_num(batch.ttft_ms, nan=-1.0).round(3),
        np.nan_to_num(batch.cost_usd, nan=-1.0),
        batch.input_tokens,
        batch.output_tokens,
        batch.cache_read_tokens,
        none,
        batch.reasoning_tokens,
        given,
        remaining(batch),
        none,
        none,
    ]
    return np.column_stack(columns).astype(np.float64)


# Most retries, HTTP statuses (from -1) and finish reasons that a number for an outcome can tell apart.
_RETRIES, _HTTP, _FINISH, _ERROR = 1_000, 1_000, len(FINISHES), len(ERROR_TYPES)


_LEVELS = (None, "exact", "semantic")


def _level(batch: Batch) -> Array:
    return np.where(batch.cache_hit, 1 + batch.semantic, 0)


def _outcome_codes(batch: Batch) -> Array:
    code = (batch.status.astype(np.int64) * _ERROR + batch.error) * _HTTP + batch.http_status + 1
    return ((code * _FINISH + batch.finish) * len(_LEVELS) + _level(batch)) * _RETRIES + batch.retries


def _outcome(code: int) -> tuple[Any, ...]:
    """OUTCOME_FIELDS of a number."""
    code, retries = divmod(code, _RETRIES)
    code, level = divmod(code, len(_LEVELS))
    code, finish = divmod(code, _FINISH)
    code, http = divmod(code, _HTTP)
    status, error = divmod(code, _ERROR)
    values = {
        "status": STATUSES[status],
        "error_type": ERROR_TYPES[error] or None,
        "http_status": http - 1 if http else None,
        "finish_reason": FINISHES[finish],
        "cache_hit": level > 0,
        "cache_level": _LEVELS[level],
        "retry_count": retries,
    }
    return tuple(values[name] for name in OUTCOME_FIELDS)
