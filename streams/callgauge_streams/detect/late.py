"""Judges history that was sent late: rows of windows that detect has forgotten already.

A broker that was away for an hour, or a service that sends its calls in the evening, brings rows of windows long past.
They are collected until none has come for half a minute, then judged window by window in event time, by an engine of
their own. What would have fired is told as it would have been, with its times of then, and that it was found late; it
is resolved when no more late rows come, since it is over.

    rows late       x x x     x x . . . . . . .
    judged                                  |        nothing late for 30 s of log time, or 5 min after the first

Where late rows never cease, because the clock of a service is behind, they are judged every 5 min, and an alert that
goes on from one time to the next is told once (`late_episodes`).

Of such a window only what came late is judged: what came in time was judged then, and is forgotten. So the alert is one
of its own, with the label `found=late`. Rules about calls that are missing are left out, and so is an alert that is on
now: people know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from callgauge.durations import written
from callgauge.schema import Alert, Progress, SourceProgress
from callgauge.structs import struct_of
from callgauge_rules.alert_ids import alert_id_of, fingerprint_of
from callgauge_streams.detect.late_episodes import LateEpisodes
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows
from callgauge_windows.row_batch_writing import encode_rows

__all__ = ["LATE_MS", "Late"]

#: Rows of windows older than this are judged by no rule; ClickHouse has them.
LATE_MS = 24 * 3_600_000
_QUIET_MS, _LONGEST_MS = 30_000, 300_000
# A worker that is started again reads the log back by more than this.
_STALE_MS = 600_000
# More rows than this are not collected at once; judging them frees the memory.
_MOST_ROWS = 200_000
_STEP_MS = 1_800_000
_SOURCE = "late"
_Progress: Any = struct_of(Progress)
_SourceProgress: Any = struct_of(SourceProgress)


class Judge(Protocol):
    """An engine; see `callgauge_streams.detect.engine.Engine`."""

    def take(self, offset: int, timestamp_ms: int, record: Any) -> list[Alert]: ...


class Late:
    """Collects late rows.

    Args:
        make_judge: makes an engine that has seen nothing, of the rules that can be judged late.
        settle_ms: so long after its last call every alert of these rules is over.
        log: the partition read, for the alerts.
        live_from: the first offset not decided yet.
    """

    def __init__(self, make_judge: Callable[[], Judge], settle_ms: int, log: str, live_from: int) -> None:
        self._make_judge = make_judge
        self._settle_ms = settle_ms
        self._log = log
        self._live_from = live_from
        self._told: dict[tuple[str, int], int] = {}
        """Episodes and transitions that were told -> when, by the log's clock. More rows of the same windows may come
        later: they change nothing that was told."""
        self._episodes = LateEpisodes()
        self._last_ms = 0
        self._forget()

    def _forget(self) -> None:
        self._batches: list[RowBatch] = []
        self._rows = 0
        self._first_ms = 0

    def take(self, batch: RowBatch, clock_ms: int) -> int:
        """Collect rows; returns how many are too old.

        Args:
            clock_ms: the log's clock.
        """
        young = batch.column("window_start_ms") + batch.window_ms > clock_ms - LATE_MS
        kept = np.flatnonzero(young)
        if len(kept):
            self._batches.append(batch if len(kept) == len(batch) else batch.take(kept))
            self._first_ms = self._first_ms if self._rows else clock_ms
            self._last_ms = clock_ms
            self._rows += len(kept)
        return len(batch) - len(kept)

    def judge(self, offset: int, clock_ms: int, is_on: Callable[[str], bool]) -> Iterator[Alert]:
        """The alerts that late rows would have caused, once they have all come.

        Args:
            offset: of the record that is taken now.
            is_on: whether the alert with this fingerprint is pending or firing.
        """
        quiet = clock_ms - self._last_ms >= _QUIET_MS
        if self._rows and (quiet or self._rows > _MOST_ROWS or clock_ms - self._first_ms >= _LONGEST_MS):
            yield from self._tell(self._episodes.take(self._judged(offset, clock_ms, is_on)), offset, clock_ms)
        if quiet:
            yield from self._tell(self._episodes.end(), offset, clock_ms)

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        told = [(alert_id, seq, at_ms) for (alert_id, seq), at_ms in self._told.items()]
        return self._rows, self._first_ms, self._last_ms, told, self._episodes.state()

    def rows(self) -> Iterator[bytes]:
        """The rows that are collected, for a snapshot."""
        return map(encode_rows, self._batches)

    def put_back(self, state: Any, rows: Iterable[bytes]) -> None:
        """See `state` and `rows`."""
        self._rows, self._first_ms, self._last_ms, told, episodes = state
        self._batches = [decode_rows(batch) for batch in rows]
        self._told = {(alert_id, seq): at_ms for alert_id, seq, at_ms in told}
        self._episodes.put_back(episodes)

    def _judged(self, offset: int, clock_ms: int, is_on: Callable[[str], bool]) -> list[Alert]:
        """Judge what was collected, and forget it."""
        batches, first_ms, late_ms = self._batches, self._first_ms, self._last_ms
        self._forget()
        if clock_ms - first_ms > _STALE_MS:
            return []  # a worker that has read the log again from before may not know these rows
        fired = (alert for alert in self._of(batches, clock_ms) if alert.fired_at and not is_on(alert.fingerprint))
        return [_found_late(alert, offset, self._log, late_ms) for alert in fired]

    def _tell(self, alerts: Iterable[Alert], offset: int, clock_ms: int) -> Iterator[Alert]:
        """Those that were not told before."""
        for alert in alerts:
            told = (alert.alert_id, alert.seq)
            if told not in self._told and offset >= self._live_from:
                yield alert.model_copy(update={"offset": offset})
            self._told[told] = clock_ms
        self._told = {told: at for told, at in self._told.items() if clock_ms - at <= LATE_MS}

    def _of(self, batches: list[RowBatch], clock_ms: int) -> Iterator[Alert]:
        judge = self._make_judge()
        for number, batch in enumerate(batches):
            yield from judge.take(number, clock_ms, batch)
        starts_ms = np.concatenate([batch.column("window_start_ms") for batch in batches])
        last_ms = int(starts_ms.max()) + max(batch.window_ms for batch in batches) + self._settle_ms
        # An engine looks back only so far at once.
        for number, watermark_ms in enumerate((*range(int(starts_ms.min()), last_ms, _STEP_MS), last_ms)):
            source = _SourceProgress(source=_SOURCE, block=0, next_offset=0, watermark_ms=watermark_ms, idle=False)
            progress = _Progress(worker=_SOURCE, at_ms=0, sources=[source])
            yield from judge.take(len(batches) + number, clock_ms, progress)


def _found_late(alert: Alert, offset: int, log: str, late_ms: int) -> Alert:
    """The alert as it is told: one of its own, beside what was told of those windows in time."""
    labels = alert.labels | {"found": "late"}
    fingerprint = fingerprint_of(alert.rule, labels)
    starts_ms = round(alert.starts_at * 1000)
    ago = written(max(0, late_ms - starts_ms) // 60_000 * 60_000)
    reason = f"found late: its calls came up to {ago} after they had ended"
    changes = {
        "labels": labels,
        "fingerprint": fingerprint,
        "alert_id": alert_id_of(fingerprint, starts_ms),
        "reason": f"{reason}; {alert.reason}" if alert.reason else reason,
        "offset": offset,
        "log": log,
    }
    return alert.model_copy(update=changes)
