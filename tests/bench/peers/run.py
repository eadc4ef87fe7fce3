"""Our worker beside its peers, per core: `python -m tests.bench.peers.run [--broker tansu|kafka] [--repeat 3]`.

Every reader has one core to itself and the broker has the others. Each number of series has a topic of its own, filled
once; readers come one after the other, in rounds, and the median of the rounds is shown. Rates are from a reader's
first events to its last: starting up is not counted, and for readers in a JVM the first third of the topic is not. The
first run makes the peers' environments (4 GB in build/peers), which takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.peers.child import ReaderFailed, read_in_child
from tests.bench.peers.draw import draw_peers
from tests.bench.peers.environments import EnvironmentFailed, environment_of
from tests.bench.peers.jars import runs_in_jvm
from tests.bench.peers.progress import Job
from tests.bench.peers.result import ONE_SET, OURS, Figures, figures_of, ratios_of, rows_of
from tests.bench.peers.sizes import SIZES, Size
from tests.bench.process import cores, on_core
from tests.bench.reading import Reading
from tests.bench.report import FOLDER, report
from tests.bench.worker import PATIENCE, read_rollup
from tests.brokers import start_broker
from tests.chaos.load import Load, Publisher
from tests.chaos.pipeline import pipeline_settings, role_command

#: Which share of the topic a reader reads: fast ones most of it, slow ones what they manage in some 20 s. Nobody reads
#: all: clients and engines read ahead, and at the last event they should be as far ahead as they were at the first.
SHARES = {
    OURS: 0.9,
    ONE_SET: 0.9,
    "aiokafka_getmany": 0.9,
    "confluent_consume": 0.9,
    "clickhouse": 0.9,
    "flink_sql": 0.9,
    "kafka_streams": 0.9,
    "pathway": 0.3,
    "bytewax": 0.3,
    "quixstreams": 0.15,
    "faust_textbook": 0.02,
}
#: The share that readers in a JVM have read when the measuring begins. Their rate still rises until then.
WARM_UP = 1 / 3
REQUIRED = (OURS, ONE_SET, "aiokafka_getmany", "confluent_consume")


def read_ours(settings: Settings, count: int, core: int) -> Reading:
    """The real worker.

    Raises:
        ReaderFailed: it did not read that much.
    """
    program, *arguments = role_command("rollup")
    try:
        return read_rollup(settings, count, on_core(core, [program, *arguments]))
    except (RuntimeError, ValueError) as error:
        raise ReaderFailed(str(error)) from None


def read(name: str, settings: Settings, size: Size, calls: int, core: int, folder: Path) -> Reading:
    """Let a reader read its share of `calls` events, as a group of its own.

    Raises:
        EnvironmentFailed: its packages cannot be installed.
        ReaderFailed: it did not do it.
    """
    group, count = f"{name}-{secrets.token_hex(4)}", int(calls * SHARES[name])
    if name in (OURS, ONE_SET):
        sets = f"{size.labels}@10s" if name == ONE_SET else settings.groupings
        return read_ours(settings.model_copy(update={"group_prefix": group, "groupings": sets}), count, core)
    job = Job(settings.bootstrap_servers, settings.topics.calls.name, count, group, size.labels)
    warm_up = int(calls * WARM_UP) if runs_in_jvm(name) else 0
    return read_in_child(name, environment_of(name), job, core, folder, warm_up)


@contextmanager
def filled_topic(broker_name: str, size: Size, calls: int, calls_per_s: float) -> Iterator[tuple[Settings, Path]]:
    """A broker that holds the calls, and a folder for what readers write; both are gone at the end."""
    with start_broker(broker_name) as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as name:
        folder = Path(name)
        defaults = Settings()
        settings = pipeline_settings(
            broker.bootstrap,
            folder,
            **PATIENCE,
            partitions=4,
            windows_partitions=4,
            block_offsets=defaults.block_offsets,
            groupings=defaults.groupings,
        )
        ensure_topics(settings)
        messages = size.messages(calls, calls_per_s)
        mean = sum(len(value) for _, value in messages) / calls
        print(f"{size.series:,} series: {calls:,} calls of {mean:.0f} bytes on average", flush=True)
        Publisher(settings, Load(messages, {}, 0, 0), per_s=float("inf"), gate=0).publish_all()
        del messages
        yield settings, folder


def compare(
    names: Sequence[str], settings: Settings, folder: Path, size: Size, calls: int, rounds: int, core: int
) -> tuple[dict[str, list[Reading]], dict[str, str]]:
    """Readings of each reader, and why a reader failed."""
    readings: dict[str, list[Reading]] = {name: [] for name in names}
    failures: dict[str, str] = {}
    for number in range(1, rounds + 1):
        for name in names:
            try:
                reading = read(name, settings, size, calls, core, folder)
            except (EnvironmentFailed, ReaderFailed) as error:
                failures[name] = str(error)
                print(f"round {number}: {name} failed: {error}", file=sys.stderr, flush=True)
                continue
            readings[name].append(reading)
            print(f"round {number}: {name}: {reading.events:,} events, {reading.per_s:,.0f}/s", flush=True)
    return readings, failures


def measure(size: Size, names: Sequence[str], options: argparse.Namespace, core: int) -> tuple[Figures, dict[str, str]]:
    """Compare at one number of series, and print the table; figures, and why a reader failed."""
    with filled_topic(options.broker, size, options.calls, options.calls_per_s) as (settings, folder):
        readings, failures = compare(names, settings, folder, size, options.calls, options.repeat, core)
    figures = figures_of(readings)
    report(
        f"peers_{size.key}",
        rows_of(figures, failures),
        title=f"{size.series:,} series: one worker on one core, {options.calls:,} calls, on {options.broker}",
        notes=f"{how(options)}; windows of 10 s by {size.labels}",
    )
    if ratios := ratios_of(figures):
        report(
            f"peers_{size.key}_ratios",
            ratios,
            title=f"{size.series:,} series: how many times as fast as a peer callgauge is",
            notes="with its five grouping sets, and with the peers' one; by the clock, and by CPU time",
        )
    return figures, failures


def how(options: argparse.Namespace) -> str:
    """The circumstances, for those who look at the figures."""
    return f"{options.calls_per_s:,.0f} calls per second of event time; 4 partitions; median of {options.repeat}"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--calls", type=int, default=3_000_000, help="calls in the topic")
    parser.add_argument("--calls-per-s", type=float, default=20_000, help="calls per second of event time")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the median is taken")
    parser.add_argument("--only", nargs="+", choices=tuple(SHARES), help="just these; peers.json is left as it is")
    known = [size.series for size in SIZES]
    parser.add_argument("--series", nargs="+", type=int, choices=known, help="just these; peers.json is left as it is")
    return parser.parse_args(argv)


def main() -> None:
    """Measure, print a table per number of series, write build/bench/peers.json and peers.png; the exit code is 1 when
    ours or a limit failed."""
    options = parse()
    *others, core = cores()
    if not others:
        sys.exit("two cores are needed: one for the reader, one for the broker")
    os.sched_setaffinity(0, others)  # inherited by the broker
    names = options.only or list(SHARES)
    for name in names:
        print(f"environment of {name}", flush=True)
        try:
            environment_of(name)
        except EnvironmentFailed:
            continue  # told when its turn comes
    sizes = [size for size in SIZES if size.series in (options.series or [size.series])]
    measured = {size: measure(size, names, options, core) for size in sizes}
    if panels := {f"{size.series:,} series": figures for size, (figures, _) in measured.items() if figures}:
        print(draw_peers(FOLDER / "peers.png", panels, how(options)))
    if not options.only and not options.series:
        kept = {size.key: figures for size, (figures, _) in measured.items()}
        (FOLDER / "peers.json").write_text(json.dumps(kept, indent=2) + "\n")
    failed = {name for _, failures in measured.values() for name in failures}
    if missing := [name for name in REQUIRED if name in failed]:
        sys.exit(f"failed: {', '.join(missing)}")


if __name__ == "__main__":
    main()
