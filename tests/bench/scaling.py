"""One worker against two in a group: `python -m tests.bench.scaling [--broker tansu|kafka] [--calls 2000000]`.

Two workers should do twice as much, so each event must cost them what it costs one: CPU seconds per million events,
of one worker and of two that share the work, on the same topic of 8 partitions; asked for is at most 10 % more. On a
machine with two cores the workers share them with the broker, so that wall time says nothing here, CPU time does.

The topic is filled before: a worker that waits for events reads smaller batches, which cost more. Two workers that
start on it may rebalance once, when the first has begun to read already; what it read of a partition that goes to the
other is then read again. Nothing of that is counted: a worker is measured from the first word in which it holds the
partitions that it holds to the end, which is not before the other has its own.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.pace import publish
from tests.bench.process import peak_mb
from tests.bench.report import report
from tests.bench.shares import Told, Work, all_read, shares, together, work_of
from tests.bench.stream import DISTINCT, repeated, templates_of
from tests.bench.worker import PATIENCE, cpu_s, follow_progress, pid_of
from tests.brokers import start_broker
from tests.chaos.pipeline import Role, ends, pipeline_settings, role_command

PARTITIONS = 8
SPAN_S = 10.0  # of event time, for 50,000 calls: as dense as those of the rollup benchmark
ASKED = 1.10
Row = dict[str, object]


def work(settings: Settings, workers: int, count: int) -> list[Work]:
    """What each worker of a new group did while they read the topic.

    Raises:
        RuntimeError: one ended by itself, or it took too long.
        ValueError: one was through too early to be measured.
    """
    settings = settings.model_copy(update={"group_prefix": f"g{secrets.token_hex(4)}"})
    start = ends(settings, settings.topics.windows.name, 1)[0]
    with ExitStack() as stack:
        roles = [Role(f"rollup-{number}", settings, role_command("rollup")) for number in range(workers)]
        processes = {stack.enter_context(role).process.pid: role for role in roles}
        told: dict[int, list[Told]] = {pid: [] for pid in processes}

        def check() -> None:
            for role in roles:
                role.check()

        for record in follow_progress(settings, start, check):
            if (pid := pid_of(record)) in told:
                told[pid].append(Told(record.at_ms / 1000, cpu_s(psutil.Process(pid)), offsets_of(record.sources)))
                if all_read([said[-1].offsets if said else {} for said in told.values()], PARTITIONS, count):
                    break
        return [work_of(said, peak_mb(pid)) for pid, said in told.items()]


def offsets_of(sources: Sequence[Any]) -> dict[int, int]:
    """How far the partitions of the calls are."""
    return {int(one.source.rpartition("/")[2]): one.next_offset for one in sources if one.holds == "calls"}


def rows_of(number: int, name: str, works: Sequence[Work]) -> list[Row]:
    """A row for each worker, and one for all where there are several."""
    by_partition = shares(works)
    readings = {f"{name}, {at + 1} of {len(works)}": (one.reading, [one]) for at, one in enumerate(works)}
    if len(works) > 1:
        readings[f"{name} together"] = (together(works), list(works))
    return [
        {
            "round": number,
            "workers": label,
            "measured_events": reading.events,
            "cpu_s_per_million": reading.cpu_s_per_million,
            "peak_rss_mb": reading.peak_mb,
            "partitions": sum(len(one.events) for one in members),
            "min_share": min(by_partition[p] for one in members for p in one.events),
            "max_share": max(by_partition[p] for one in members for p in one.events),
        }
        for label, (reading, members) in readings.items()
    ]


def partition_rows(number: int, one: Sequence[Work], two: Sequence[Work]) -> list[Row]:
    """Events of each partition by the worker that read them."""
    return [
        {"round": number, "partition": partition, "one worker": one[0].events[partition]}
        | {f"worker {at + 1} of 2": worker.events.get(partition) for at, worker in enumerate(two)}
        for partition in range(PARTITIONS)
    ]


def main() -> None:
    """Measure, print the tables, write build/bench/scaling.json and scaling_partitions.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--calls", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="one worker, then two, so often; the median is taken")
    options = parser.parse_args()
    rows: list[Row] = []
    by_partition: list[Row] = []
    ratios: list[float] = []
    with start_broker(options.broker) as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        settings = pipeline_settings(
            broker.bootstrap,
            Path(folder),
            **PATIENCE,
            partitions=PARTITIONS,
            block_offsets=65_536,
            groupings=Settings.model_fields["groupings"].default,
        )
        ensure_topics(settings)
        publish(settings, repeated(templates_of(SPAN_S), SPAN_S, options.calls))
        for number in range(1, options.rounds + 1):
            try:
                one, two = work(settings, 1, options.calls), work(settings, 2, options.calls)
            except (RuntimeError, ValueError) as error:
                sys.exit(f"round {number}: {error}")
            rows += [*rows_of(number, "one worker", one), *rows_of(number, "two workers", two)]
            by_partition += partition_rows(number, one, two)
            ratios.append(together(two).cpu_s_per_million / together(one).cpu_s_per_million)
    notes = f"{DISTINCT / SPAN_S:,.0f} calls per second of event time; {PARTITIONS} partitions, share of each if equal "
    notes += f"{1 / PARTITIONS:.3f}; CPU per event, two workers / one: {', '.join(f'{ratio:.3f}' for ratio in ratios)}"
    report("scaling", rows, title=f"{options.calls:,} calls, 80 series, on {options.broker}", notes=notes)
    report("scaling_partitions", by_partition, title="Events of each partition, by the worker that held it")
    ratio = median(ratios)
    word = "within" if ratio <= ASKED else "over"
    print(f"CPU per event, two workers / one: {ratio:.3f}, {word} the {ASKED:g} that is asked for")


if __name__ == "__main__":
    main()
