"""Our worker beside its peers, per core: `python -m tests.bench.peers.run [--broker tansu|kafka] [--repeat 3]`.

Every reader has one core to itself and the broker has the others. The topic is filled once; readers come one after the
other, in rounds, and the median of the rounds is shown. Rates are from a reader's first events to its last: starting up
is not counted. The first run makes the peers' environments (3 GB in build/peers), which takes a few minutes.
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
from tests.bench.peers.environments import PINS, EnvironmentFailed, python_of
from tests.bench.peers.progress import Job
from tests.bench.peers.result import OURS, figures_of, rows_of
from tests.bench.process import cores, on_core
from tests.bench.reading import Reading
from tests.bench.report import FOLDER, report
from tests.bench.stream import messages_of
from tests.bench.worker import read_rollup
from tests.brokers import start_broker
from tests.chaos.load import Load, Publisher
from tests.chaos.pipeline import pipeline_settings, role_command

#: Which share of the topic a reader reads: fast ones most of it, slow ones what they manage in some 20 s. Nobody reads
#: all: clients and engines read ahead, and at the last event they should be as far ahead as they were at the first.
SHARES = {
    OURS: 0.9,
    "aiokafka_getmany": 0.9,
    "confluent_consume": 0.9,
    "clickhouse": 0.9,
    "pathway": 0.6,
    "bytewax": 0.6,
    "quixstreams": 0.3,
    "faust_textbook": 0.04,
}
REQUIRED = (OURS, "aiokafka_getmany", "confluent_consume")


def read_ours(settings: Settings, count: int, core: int) -> Reading:
    """The real worker, with the grouping sets of the default settings."""
    program, *arguments = role_command("rollup")
    return read_rollup(settings, count, on_core(core, [program, *arguments]))


def read(name: str, settings: Settings, count: int, core: int, folder: Path) -> Reading:
    """Let a reader read `count` events, as a group of its own.

    Raises:
        EnvironmentFailed: its packages cannot be installed.
        ReaderFailed: it did not do it.
    """
    group = f"{name}-{secrets.token_hex(4)}"
    if name == OURS:
        try:
            return read_ours(settings.model_copy(update={"group_prefix": group}), count, core)
        except (RuntimeError, ValueError) as error:
            raise ReaderFailed(str(error)) from None
    job = Job(settings.bootstrap_servers, settings.topics.calls.name, count, group)
    return read_in_child(name, python_of(name), job, core, folder)


@contextmanager
def filled_topic(broker_name: str, calls: int, calls_per_s: float) -> Iterator[tuple[Settings, Path]]:
    """A broker that holds the calls, and a folder for what readers write; both are gone at the end."""
    with start_broker(broker_name) as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as name:
        folder = Path(name)
        defaults = Settings()
        settings = pipeline_settings(
            broker.bootstrap,
            folder,
            partitions=4,
            windows_partitions=4,
            block_offsets=defaults.block_offsets,
            groupings=defaults.groupings,
        )
        ensure_topics(settings)
        messages = messages_of(calls, calls_per_s)
        print(f"{calls:,} calls of {sum(len(value) for _, value in messages) / calls:.0f} bytes on average", flush=True)
        Publisher(settings, Load(messages, {}, 0, 0), per_s=float("inf"), gate=0).publish_all()
        del messages
        yield settings, folder


def compare(
    names: Sequence[str], settings: Settings, folder: Path, calls: int, rounds: int, core: int
) -> tuple[dict[str, list[Reading]], dict[str, str]]:
    """Readings of each reader, and why a reader failed."""
    readings: dict[str, list[Reading]] = {name: [] for name in names}
    failures: dict[str, str] = {}
    for number in range(1, rounds + 1):
        for name in names:
            try:
                reading = read(name, settings, int(calls * SHARES[name]), core, folder)
            except (EnvironmentFailed, ReaderFailed) as error:
                failures[name] = str(error)
                print(f"round {number}: {name} failed: {error}", file=sys.stderr, flush=True)
                continue
            readings[name].append(reading)
            print(f"round {number}: {name}: {reading.events:,} events, {reading.per_s:,.0f}/s", flush=True)
    return readings, failures


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--calls", type=int, default=1_500_000, help="calls in the topic")
    parser.add_argument("--calls-per-s", type=float, default=20_000, help="calls per second of event time")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the median is taken")
    parser.add_argument("--only", nargs="+", choices=tuple(SHARES), help="just these; peers.json is left as it is")
    return parser.parse_args(argv)


def main() -> None:
    """Measure, print the table, write build/bench/peers.json; the exit code is 1 when ours or a limit failed."""
    options = parse()
    *others, core = cores()
    if not others:
        sys.exit("two cores are needed: one for the reader, one for the broker")
    os.sched_setaffinity(0, others)  # inherited by the broker
    names = options.only or list(SHARES)
    for name in set(names) & set(PINS):
        print(f"environment of {name}", flush=True)
        try:
            python_of(name)
        except EnvironmentFailed:
            continue  # told when its turn comes
    with filled_topic(options.broker, options.calls, options.calls_per_s) as (settings, folder):
        readings, failures = compare(names, settings, folder, options.calls, options.repeat, core)
    figures = figures_of(readings)
    report(
        "peers_table",
        rows_of(figures, failures),
        title=f"One worker on one core: {options.calls:,} calls, 80 series, 10 s windows, on {options.broker}",
        notes=f"{options.calls_per_s:,.0f} calls per second of event time; 4 partitions; median of {options.repeat}; "
        "aiokafka_getmany and confluent_consume are limits: they read and do nothing else",
    )
    if not options.only:
        (FOLDER / "peers.json").write_text(json.dumps(figures, indent=2) + "\n")
    if missing := [name for name in REQUIRED if name in names and name in failures]:
        sys.exit(f"failed: {', '.join(missing)}")


if __name__ == "__main__":
    main()
