"""What makes one rollup worker dearer: `python -m tests.bench.growth [--calls 600000] [--only rate]`.

Events per second, CPU per event and peak memory against series, grouping sets, partitions, event size and event rate,
one axis at a time around 1,000 series, the default grouping sets, 4 partitions and 545 bytes. The worker is the real
one, on a core of its own (where there are two), with the cap on series out of the way; each point has a tansu of its
own. All but the points of the rates find the whole topic there. Rates are from the worker's first events on: starting
up is not counted, but in the peak.

What an open block holds depends on how dense calls are in event time too: 20,000 per second, of paced points their rate
(column `event_time_per_s`). In the middle of each run a minute ends, and with it the windows of a minute.

A source's memory is full when it has read 131,072 offsets (two blocks, the horizon of duplicates): the column
`offsets_per_partition` says how near a point came to that. `--only` leaves build/bench/growth.json as it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from callgauge_deploy.topics import ensure_topics
from tests.bench.growth_draw import draw_growth
from tests.bench.growth_points import AXES, LIMIT_MB, SETS, Point, calls_of, label_of, shift_s, verdicts
from tests.bench.pace import FULL_SPEED, publish
from tests.bench.reading import Reading
from tests.bench.report import FOLDER, report
from tests.bench.stream import repeated
from tests.bench.wide_stream import wide_templates
from tests.bench.worker import PATIENCE, read_rollup, worker_on_its_core
from tests.brokers import start_broker
from tests.chaos.pipeline import pipeline_settings

MINUTE_ENDS_S = 42.0  # after the stream's first call at 1,700,000,000 s, with the out-of-orderness bound of 2 s
Row = dict[str, object]

TITLES = {
    "series": "series of the finest grouping set",
    "sets": "grouping sets",
    "partitions": "partitions",
    "size": "bytes per event",
    "rate": "events per second, 10,000 series",
}


def measure(point: Point, calls: int, command: Sequence[str]) -> tuple[Reading, float | None]:
    """Let the worker read `calls` calls; also how many per second were published beside it.

    Raises:
        RuntimeError, ValueError: it did not read them, or too few to measure by.
    """
    stretch, span_s = wide_templates(point.series, point.size, point.event_time_rate)
    with start_broker("tansu") as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        settings = pipeline_settings(
            broker.bootstrap,
            Path(folder),
            **PATIENCE,
            partitions=point.partitions,
            windows_partitions=4,
            block_offsets=65_536,
            groupings=" ".join(SETS[: point.sets]),
            series_cap=max(2_000, point.series),
        )
        ensure_topics(settings)
        messages = repeated(stretch, span_s, calls, shift_s(point, calls, MINUTE_ENDS_S))
        if point.rate == FULL_SPEED:
            publish(settings, messages)
            return read_rollup(settings, calls, command), None
        published: list[Future[float]] = []
        with ThreadPoolExecutor(1) as pool:
            reading = read_rollup(
                settings, calls, command, lambda: published.append(pool.submit(publish, settings, messages, point.rate))
            )
        return reading, published[0].result()


def row_of(axis: str, point: Point, calls: int, command: Sequence[str]) -> Row:
    """A point's row; where it failed, with the reason."""
    row: Row = {
        "axis": axis,
        "at": label_of(axis, point),
        "series": point.series,
        "event_time_per_s": point.event_time_rate,
        "offsets_per_partition": calls // point.partitions,
        "asked_per_s": None if point.rate == FULL_SPEED else point.rate,
    }
    try:
        reading, row["published_per_s"] = measure(point, calls, command)
    except (RuntimeError, ValueError) as error:
        return row | {"failed": str(error).partition("\n")[0]}
    return row | {
        "events_per_s": reading.per_s,
        "cpu_us_per_event": reading.cpu_s_per_million,  # seconds per million are microseconds each
        "peak_rss_mb": reading.peak_mb,
    }


def main() -> None:
    """Measure, print the table, write build/bench/growth.json and growth.png; the exit code is 1 if a point failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=600_000, help="calls each point reads (of the rates: half)")
    parser.add_argument("--only", choices=tuple(AXES), help="just this axis")
    options = parser.parse_args()
    axes = [options.only] if options.only else list(AXES)
    command = worker_on_its_core()
    rows: list[Row] = []
    for axis in axes:
        for point in AXES[axis]:
            rows.append(row_of(axis, point, calls_of(axis, options.calls), command))
            print(rows[-1], flush=True)
    name = f"growth_{options.only}" if options.only else "growth"
    report(
        name,
        rows,
        title=f"One rollup worker, {options.calls:,} calls a point, on tansu",
        notes=f"base: {Point()}; blocks of 65,536; the worker has a core to itself if there are two",
    )
    done = [row for row in rows if "failed" not in row]
    panels = {TITLES[axis]: found for axis in axes if (found := [row for row in done if row["axis"] == axis])}
    if panels:
        print(draw_growth(FOLDER / f"{name}.png", panels, LIMIT_MB))
    print(*verdicts(done), sep="\n")
    if len(done) < len(rows):
        sys.exit(f"failed: {len(rows) - len(done)} of {len(rows)} points")


if __name__ == "__main__":
    main()
