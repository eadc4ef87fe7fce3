"""Memory of a rollup worker over an hour: `python -m tests.bench.hour [--series 10000] [--per-s 600]`.

The hour is one of event time and of append time: the records carry the times that they would have had, so that windows
end, blocks are cut and ids are forgotten as in an hour, while the worker reads as fast as it can. The table has the
resident memory in each ten minutes, and a line says by how much the last ten differ from the ten after the start.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import psutil
from confluent_kafka import Producer

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.growth_points import SETS
from tests.bench.process import peak_mb
from tests.bench.report import report
from tests.bench.stream import repeated
from tests.bench.wide_stream import wide_templates
from tests.bench.worker import PATIENCE, follow_progress, worker_on_its_core
from tests.brokers import start_broker
from tests.chaos.pipeline import Role, ends, pipeline_settings

__all__ = ["Sample", "by_ten_minutes"]

_START_S, _HOUR_S, _SLOT_S = 1_700_000_000.0, 3_600.0, 600.0

#: Seconds of event time since the start, resident megabytes.
Sample = tuple[float, float]


def by_ten_minutes(samples: Sequence[Sample]) -> list[dict[str, object]]:
    """Median and largest memory of each ten minutes of event time of which there are samples."""
    slots: dict[int, list[float]] = {}
    for at_s, megabytes in samples:
        slots.setdefault(int(at_s // _SLOT_S), []).append(megabytes)
    return [
        {
            "minutes": f"{slot * 10}-{slot * 10 + 10}",
            "samples": len(found),
            "median_rss_mb": median(found),
            "most_rss_mb": max(found),
        }
        for slot, found in sorted(slots.items())
    ]


def publish_hour(settings: Settings, series: int, per_s: float) -> int:
    """Publish the hour's calls, each with the end of the call as its timestamp; returns how many."""
    stretch, span_s = wide_templates(series, 545, per_s)
    config = {"enable.idempotence": True, "partitioner": "murmur2_random", "compression.type": "lz4"}
    producer = Producer(settings.librdkafka() | config | {"delivery.report.only.error": True})
    count, topic = int(_HOUR_S * per_s), settings.topics.calls.name
    for number, (key, value) in enumerate(repeated(stretch, span_s, count)):
        at_ms = int((_START_S + number / per_s) * 1000)
        while True:
            try:
                producer.produce(topic, value, key, timestamp=at_ms)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 100 == 0:
            producer.poll(0)
    if left := producer.flush(120):
        raise RuntimeError(f"{left} calls were not taken")
    return count


def read_hour(settings: Settings, count: int, command: list[str]) -> tuple[list[Sample], float]:
    """Let the worker read all; its memory whenever it tells its progress, and its peak."""
    start = ends(settings, settings.topics.windows.name, 1)[0]
    samples: list[Sample] = []
    with Role("rollup", settings, command) as worker:
        process = psutil.Process(worker.process.pid)
        check: Callable[[], None] = worker.check
        for record in follow_progress(settings, start, check):
            known = [source.watermark_ms for source in record.sources if source.watermark_ms > 0]
            if known:
                samples.append((min(known) / 1000 - _START_S, process.memory_info().rss / 1e6))
            if sum(source.next_offset for source in record.sources) >= count:
                break
        return samples, peak_mb(process.pid)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--per-s", type=float, default=600.0, help="calls per second of event time")
    parser.add_argument("--partitions", type=int, default=4)
    options = parser.parse_args()
    command = worker_on_its_core()
    with start_broker("tansu") as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as name:
        settings = pipeline_settings(
            broker.bootstrap,
            Path(name),
            **PATIENCE,
            partitions=options.partitions,
            windows_partitions=4,
            block_offsets=65_536,
            groupings=" ".join(SETS[:5]),
            series_cap=max(2_000, options.series),
        )
        ensure_topics(settings)
        count = publish_hour(settings, options.series, options.per_s)
        samples, peak = read_hour(settings, count, command)
    rows = by_ten_minutes([sample for sample in samples if 0 <= sample[0] < _HOUR_S])
    report(
        "hour",
        rows,
        title=f"Memory over an hour of event time: {count:,} calls, {options.series:,} series",
        notes=f"{options.partitions} partitions; peak {peak:.0f} MB, starting up included",
        summary={"peak_rss_mb": peak},
    )
    if len(rows) >= 3:
        growth = float(str(rows[-1]["median_rss_mb"])) - float(str(rows[1]["median_rss_mb"]))
        print(f"from the second ten minutes to the last the median grew by {growth:+.1f} MB")


if __name__ == "__main__":
    main()
