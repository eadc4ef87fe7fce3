"""Judges windows that are history by the engine that judges them live: what would these rules have told?

    rows of windows that end at 10:00:10      x x x
    progress, watermark 10:00:10                    |      every rule judges, as it does live
    rows of windows that end at 10:00:20              x x
    progress, watermark 10:00:20                          |

The same rules over the same rows tell the same episodes as the live run did, for calls that came in time. It differs
where the live run had not seen all rows when it judged: here every row comes before the end of its window is judged, so
nothing fires late, is retracted, or is told as found late. Alerts about the stream itself (records lost, too many
series, sources unheard) are not told again, since the windows do not hold them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from callgauge.schema import Alert, Progress, SourceProgress
from callgauge.structs import struct_of
from callgauge_rules.bound import BoundRule
from callgauge_rules.lifecycle import COUNTED_MS
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.history_span import history_ms
from callgauge_windows.row_batch import RowBatch

__all__ = ["backtest", "end_of", "log_of", "warm_ms"]

# Every source is heard with each progress record, however far apart the ends of windows are.
_TIMEOUT_MS = 7 * 86_400_000
_Progress: Any = struct_of(Progress)
_SourceProgress: Any = struct_of(SourceProgress)


def warm_ms(rules: Sequence[BoundRule]) -> int:
    """How far before a time windows must be read, so that from then on rules judge as if they had always run: their
    lookbacks, all that their detectors remember, cooldowns, and the hour in which changes count as flapping."""
    remembered = (each.remembers_ms for rule in rules for each in rule.conditions)
    cooldowns = (rule.rule.cooldown for rule in rules)
    return history_ms(rules) + max(remembered, default=0) + max(max(cooldowns, default=0), COUNTED_MS)


def end_of(row: Any) -> int:
    """The end of a row's window, epoch ms."""
    return int(row.window_start_ms + row.window_ms)


def backtest(rules: Sequence[BoundRule], rows: Iterable[Any], to_ms: int) -> Iterator[Alert]:
    """The transitions that the rules would have told, in order.

    Args:
        rows: `WindowRow` and `ScoreRow` structs, the last version of each that is not void, in order of their windows'
            ends; to be right from some time on, they must begin `warm_ms` before it.
        to_ms: windows that end later are not judged.

    Raises:
        ValueError: the rows are not in order.
    """
    engine = Engine(rules, source_timeout_ms=_TIMEOUT_MS, live_from=0, judges_late=False, whole=True)
    for offset, (at_ms, record) in enumerate(log_of(rules, rows, to_ms)):
        yield from engine.take(offset, at_ms, record)


def log_of(rules: Sequence[BoundRule], rows: Iterable[Any], to_ms: int) -> Iterator[tuple[int, Any]]:
    """The log that rollup would have written had every call come in time: time and record. The watermark goes from one
    window's end to the next, also where there are no rows: that calls are missing is to be judged too."""
    step_ms = math.gcd(*(rule.grouping.window_ms for rule in rules))
    next_ms: int | None = None
    for end_ms, ended in groupby(rows, key=end_of):
        next_ms = end_ms if next_ms is None else next_ms
        if end_ms < next_ms:
            raise ValueError("rows must come in order of their windows' ends")
        for at_ms in range(next_ms, min(end_ms, to_ms + 1), step_ms):
            yield at_ms, _progress(at_ms)
        next_ms = end_ms
        if end_ms > to_ms:
            return
        for record in _batches(ended):
            yield end_ms, record
    if next_ms is not None:
        for at_ms in range(next_ms, to_ms + 1, step_ms):
            yield at_ms, _progress(at_ms)


def _batches(rows: Iterable[Any]) -> Iterator[Any]:
    for kind, same in groupby(rows, key=_block_of):
        if kind[0] == "row":
            yield RowBatch.of_rows(list(same))
        else:
            yield from same


def _block_of(row: Any) -> tuple[Any, ...]:
    return row.kind, row.grouping, row.source, row.block, row.epoch


def _progress(watermark_ms: int) -> Any:
    sources = [
        _SourceProgress(source=holds, block=0, next_offset=0, watermark_ms=watermark_ms, idle=False, holds=holds)
        for holds in ("calls", "scores")
    ]
    return _Progress(worker="backtest", at_ms=watermark_ms, sources=sources)
