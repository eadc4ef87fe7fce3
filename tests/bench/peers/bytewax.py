"""Bytewax: `KafkaSource` and `fold_window` over event time, per series.

Does: batches of 8,192 records, decoding of just the fields it needs (msgspec, a batch at a time), tumbling windows by
an `EventClock` that waits 10 s, and a histogram of latency. `ordered=False`, because sums do not ask for order and
sorting costs time. Windows end in a list.
Does not: recovery (no snapshots are taken), duplicates, dead letters (a message that cannot be read ends it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import bytewax.operators as op
import bytewax.operators.windowing as win
import msgspec
from bytewax._bytewax import cli_main  # what `python -m bytewax.run` calls
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink

from tests.bench.peers.fold import WINDOW_S, add_call, ended_at, new_totals, series_by
from tests.bench.peers.progress import Job, Progress, job_from_command_line

BATCH = 8_192
WAIT_S = 10


class Call(TypedDict, total=False):
    """The fields that are aggregated; the others are skipped."""

    ts: float
    latency_ms: float
    service: str
    feature: str
    provider: str
    model: str
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None


def keyed_calls(messages: list[Any], series_of: Callable[[Call], str]) -> Iterable[tuple[str, Call]]:
    """A batch of records as (series, call)."""
    decode = msgspec.json.Decoder(Call).decode
    calls = [decode(message.value) for message in messages]
    return [(series_of(call), call) for call in calls]


def main(job: Job) -> None:
    """Read until ended from outside."""
    progress = Progress(job.count)
    series_of = series_by(job.by)

    def fold(totals: dict[str, Any], call: Call) -> dict[str, Any]:
        progress.add()
        return add_call(totals, call)

    def merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError("tumbling windows are never merged")

    clock = win.EventClock(
        ts_getter=lambda call: datetime.fromtimestamp(ended_at(call), UTC),
        wait_for_system_duration=timedelta(seconds=WAIT_S),
        # windows of the past are closed by later events; their ends are no reason to wake up
        to_system_utc=lambda _: None,
    )
    windower = win.TumblingWindower(length=timedelta(seconds=WINDOW_S), align_to=datetime(2020, 1, 1, tzinfo=UTC))
    flow = Dataflow("callgauge-bench")
    messages = op.input("calls", flow, KafkaSource([job.bootstrap], [job.topic], batch_size=BATCH))
    calls = op.flat_map_batch("decode", messages, lambda batch: keyed_calls(batch, series_of))
    windows = win.fold_window("windows", calls, clock, windower, new_totals, fold, merge, ordered=False)
    op.output("rows", windows.down, TestingSink([]))
    cli_main(flow)


if __name__ == "__main__":
    main(job_from_command_line())
