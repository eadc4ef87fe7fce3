"""Traffic of real services in which nothing is known to be wrong, as window rows, for benchmarks of what judges them.

- Recorded calls (Azure's two services, spans of an agent): as they were; Azure's latencies are simulated.
- ServeGen's three models over 14 days (rates of each 10 minutes) and BurstGPT's first week (tokens of each minute): so
  many calls in each interval as the rate says, at random within; what a call is like is drawn as `callgauge load` does.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from callgauge.schema import Call, Progress
from callgauge.structs import struct_of
from callgauge_load.made.batch import Array, Batch, priced
from callgauge_load.made.calls import calls_of
from callgauge_load.made.world import World, make_world
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS
from tests.bench.detection.made_rows import SOURCE, Source

__all__ = ["MONDAY_S", "Rates", "batches_at", "rates_of", "rows_of_calls", "world_of"]

#: Traces that only have seconds from their start begin on a Monday at 00:00 UTC.
MONDAY_S = 1_699_833_600.0
_HOUR_S = 3_600.0
_POOL_S = 20_000.0
_BURSTGPT_MINUTES = 10_080
_Progress: Any = struct_of(Progress)

Rates = Mapping[str, tuple[float, Array]]
"""Name of a service -> width of an interval in seconds, and the rate of each, relative to their mean."""


def rates_of(folder: Path) -> Rates:
    """The recorded rates below a folder that has `servegen` and `burstgpt_aggregates`."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in _rows(folder / "servegen" / "total_rate_10min.csv.gz"):
        if row["model"] != "deepseek-r1":  # one day only
            found[row["model"]].append(float(row["rate_rps"]))
    minutes = np.zeros(_BURSTGPT_MINUTES)
    for row in _rows(folder / "burstgpt_aggregates" / "burstgpt1_week1_minute.csv"):
        minutes[int(row["minute"])] = float(row["tokens_per_s"])
    rates = {f"servegen-{name}": (600.0, np.array(values) / np.mean(values)) for name, values in found.items()}
    return rates | {"burstgpt": (60.0, minutes / minutes.mean())}


def world_of(rates: Rates, per_s: float) -> World:
    """A service for each of these rates, with so many calls per second in the mean."""
    world = make_world(len(rates) + 1, per_s * len(rates), seed=3)
    services = [replace(service, name=name, per_s=per_s) for name, service in zip(rates, world.services, strict=False)]
    return replace(world, services=tuple(services))


def batches_at(rates: Rates, world: World, days: float) -> Iterator[Batch]:
    """The calls of each hour, in the order in which they are sent."""
    pools = [calls_of(world, at, 0, MONDAY_S, MONDAY_S + _POOL_S, "pool") for at in range(len(rates))]
    rng, waiting, number = np.random.default_rng(4), [], 0
    for hour in range(int(days * 24)):
        begin_s = MONDAY_S + hour * _HOUR_S
        for service, pool, (width_s, shares) in zip(world.services, pools, rates.values(), strict=True):
            first = int(hour * _HOUR_S / width_s)
            counts = rng.poisson(shares[first : first + int(_HOUR_S / width_s)] * service.per_s * width_s)
            starts = begin_s + (np.repeat(np.arange(len(counts)), counts) + rng.random(counts.sum())) * width_s
            number += len(starts)
            waiting.append(_moved(pool.take(rng.integers(len(pool), size=len(starts))), np.sort(starts), number))
        drawn = Batch.joined(waiting)
        sent_s = drawn.sent_s
        waiting = [drawn.take(sent_s >= begin_s + _HOUR_S)]
        done = drawn.take(sent_s < begin_s + _HOUR_S)
        yield priced(done.take(np.argsort(done.sent_s, kind="stable")), world)


def _moved(batch: Batch, start_s: Array, number: int) -> Batch:
    return replace(batch, start_s=start_s, id_low=np.arange(number, number + len(batch)).astype(np.uint64))


def rows_of_calls(calls: Iterable[Call], config: RollupConfig, step_ms: int) -> Iterator[tuple[int, Any]]:
    """As `made_rows.rows_of`, of recorded calls."""
    ended = sorted(calls, key=_end_ms)
    sent_ms = np.array([_end_ms(call) for call in ended])
    values = [call.model_dump_json().encode() for call in ended]
    source = Source(config, SOURCE, CALLS)
    yield int(sent_ms[0]), source.start
    first = 0
    for end_ms in range(int(sent_ms[0]) // step_ms * step_ms + step_ms, int(sent_ms[-1]) + 2 * step_ms, step_ms):
        last = int(np.searchsorted(sent_ms, end_ms))
        offsets = range(source.next_offset, source.next_offset + last - first)
        records = Records.of(offsets, sent_ms[first:last].tolist(), values[first:last])
        yield from ((end_ms, record) for record in source.take(records))
        yield end_ms, _Progress(worker="trace", at_ms=end_ms, sources=[source.progress(end_ms)])
        first = last


def _end_ms(call: Call) -> int:
    return int(call.ts * 1e3 + (call.latency_ms or 0.0))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
