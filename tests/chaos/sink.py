"""Faults of the calls sink and of its store, under load, and every call is counted again.

    python -m tests.chaos.sink                                   all scenarios, 20 faults each, on Apache Kafka
    python -m tests.chaos.sink --kills 200 --minutes 60          as long as issue and patience ask for
    python -m tests.chaos.sink --scenario store-killed --broker tansu --short

Kills are shared among several sinks, each with its own store and topics, that run beside each other (`--parallel`):
most of the time one waits for the broker to notice that a member of its group is dead. Sinks are forked from a process
that has imported what they need (`tests.forkserver`).

The store is a process of its own that speaks ClickHouse's HTTP (`tests/clickhouse_http.py`), so that it can be killed,
be slow, full, or take an insert and not answer. The table has a line for each scenario: missing and duplicate calls
under FINAL, dead letters, the sink's memory (before, at most, at the end), and how fast it caught up, by the clock and
by its processor time. A forked sink also holds what others import; that of `store-down` is not forked, so it is the one
that says what a sink takes. build/chaos/sink.json has the same. The exit code is 1 unless nothing is missing, twice, or
dead without a reason.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from callgauge.errors import StoreError
from callgauge_deploy.topics import ensure_topics
from callgauge_history.migrate import migrate
from callgauge_history.store import open_store
from tests.brokers import Broker, start_broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.chaos.sink_calls import CONSTRAINT, CallSender, expected_of
from tests.chaos.sink_scene import FULL, SHORT, WITHIN_S, Outcome, Scene, Size, together
from tests.clickhouse_http import Fault, HttpStore
from tests.embedded_store import keep_in, place_new
from tests.forkserver import forking

__all__ = ["FULL", "SCENARIOS", "SHORT", "Outcome", "Size", "run"]

_COMMAND = [sys.executable, "-m", "tests.chaos.sink_worker"]
Inflict = Callable[[Scene, Size], int]


def _sink_killed(scene: Scene, size: Size) -> int:
    for _ in range(size.kills):
        scene.wait_more()
        scene.pause()
        scene.sink.kill()
        scene.sink.start()
    scene.wait_more()
    return size.kills


def _store_killed(scene: Scene, size: Size) -> int:
    for _ in range(size.kills):
        scene.wait_more()
        scene.pause()
        scene.http.kill()
        scene.http.start()
    scene.wait_more()
    return size.kills


def _store_died_after_insert(scene: Scene, size: Size) -> int:
    for _ in range(size.kills):
        scene.http.faults(Fault("die"))
        scene.wait("the store to die", lambda: scene.http.dead)
        scene.http.start()
        scene.wait_more()
    return size.kills


def _each(fault: Fault) -> Inflict:
    """The same fault for one to three inserts in a row, and then some that go well: in a longer row the sink would
    only wait longer and longer."""

    def inflict(scene: Scene, size: Size) -> int:
        left = size.kills
        while left:
            times = min(left, scene.rng.randint(1, 3))
            scene.http.faults(Fault(**asdict(fault) | {"times": times}))
            scene.wait("the faults to be over", lambda: scene.http.left() == 0)
            scene.wait_more()
            left -= times
        return size.kills

    return inflict


def _store_down(scene: Scene, size: Size) -> int:
    """Calls of an hour come while nobody stores them."""
    scene.wait_more()
    scene.http.kill()
    scene.outcome.start_mb = scene.sink_mb()
    scene.outcome.most_mb = 0.0
    while scene.sender.sent < size.outage_calls:
        scene.sender.send(10_000)
        scene.tend()
    scene.sender.flush()
    scene.http.start()
    before = scene.stored() or 0
    scene.wait("the sink's next attempt", lambda: (scene.stored() or 0) > before)
    started, cpu_s, before = time.monotonic(), scene.sink_cpu_s(), scene.stored() or 0
    expected = expected_of(scene.sender.sent).calls
    scene.wait("the sink to catch up", lambda: (scene.stored() or 0) >= expected, WITHIN_S + size.outage_calls / 2_000)
    scene.outcome.caught_up_per_s = (expected - before) / (time.monotonic() - started)
    scene.outcome.caught_up_cpu_s = (scene.sink_cpu_s() - cpu_s) / (expected - before) * 1e6
    return 1


SCENARIOS: dict[str, Inflict] = {
    "sink-killed": _sink_killed,
    "store-killed": _store_killed,
    "store-died-after-insert": _store_died_after_insert,
    "answers-lost": _each(Fault("cut")),
    "slow-inserts": _each(Fault("slow", seconds=2.0)),
    "disk-full": _each(Fault("error", code=243)),
    "too-many-parts": _each(Fault("error", code=252)),
    "no-memory-for-large": _each(Fault("large", code=241, size=20_000)),
    "store-down": _store_down,
}


def run(broker: Broker, name: str, size: Size, folder: Path) -> Outcome:
    """Run a scenario. What went wrong is in the outcome."""
    started, outcome = time.monotonic(), Outcome(name)
    folder.mkdir(parents=True, exist_ok=True)
    http = HttpStore(folder / "store")
    place_new(http.folder)
    settings = pipeline_settings(broker.bootstrap, folder, store=http.dsn, sink_batch_rows=20_000, partitions=4)
    ensure_topics(settings)
    with ExitStack() as stack:
        stack.enter_context(http.running())
        store = open_store(http.dsn)
        migrate(store)
        store.command(CONSTRAINT)
        store.close()
        sink = stack.enter_context(Role("sinks", settings, _COMMAND))
        sink.wait_ready()
        sender = CallSender(settings, size.per_s)
        scene = Scene(settings, http, sink, sender, outcome)
        outcome.start_mb = scene.sink_mb()
        try:
            if name == "store-down":
                sender.send(5_000)
                sender.flush()
                outcome.faults = SCENARIOS[name](scene, size)
            else:
                with sender.running():
                    outcome.faults = SCENARIOS[name](scene, size)
            http.faults()
            scene.audit(sender.sent)
        except (RuntimeError, StoreError, OSError) as error:
            outcome.wrong.append(str(error))
    outcome.seconds = time.monotonic() - started
    return outcome


def run_beside(broker: Broker, name: str, size: Size, folder: Path, parallel: int) -> Outcome:
    """The same with so many sinks at a time, which share the kills; an outage happens once."""
    shares = [size.kills // parallel + (at < size.kills % parallel) for at in range(parallel)]
    sizes = [replace(size, kills=share) for share in shares if share]
    if name == "store-down":
        sizes = [size]
    with ThreadPoolExecutor(len(sizes)) as pool:
        runs = [pool.submit(run, broker, name, each, folder / f"{name}-{at}") for at, each in enumerate(sizes)]
        return together([each.result() for each in runs])


def write(outcomes: list[Outcome], title: str) -> None:
    """Keep them in build/chaos/sink.json."""
    path = Path(__file__).parents[2] / "build" / "chaos" / "sink.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(each) | {"verdict": each.verdict} for each in outcomes]
    path.write_text(json.dumps({"title": title, "runs": rows}, indent=2))


def show(outcomes: list[Outcome], title: str) -> None:
    """A line for each."""
    table = Table(
        "scenario", "faults", "sink ended", "calls", "missing", "twice", "dead letters", "MB start/most/end",
        "catch-up/s", "its CPU s/million", "seconds", "verdict", title=title,
    )  # fmt: skip
    for each in outcomes:
        rate = "-" if each.caught_up_per_s is None else f"{each.caught_up_per_s:,.0f}"
        cpu_s = "-" if each.caught_up_cpu_s is None else f"{each.caught_up_cpu_s:.1f}"
        table.add_row(
            each.scenario, str(each.faults), str(each.ended), f"{each.calls:,}", str(each.missing),
            str(each.duplicates), f"{each.dead} of {each.dead_expected}",
            f"{each.start_mb:.0f}/{each.most_mb:.0f}/{each.end_mb:.0f}", rate, cpu_s, f"{each.seconds:.0f}",
            each.verdict,
        )  # fmt: skip
    Console(width=180).print(table)


def main() -> None:
    """Run, print, exit."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.sink", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenario", choices=list(SCENARIOS), action="append", help="may be repeated; default: all")
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="kafka")
    parser.add_argument("--short", action="store_true", help="the size of the test suite")
    parser.add_argument("--kills", type=int, help="faults of each scenario")
    parser.add_argument(
        "--minutes", type=float, help="how many minutes of calls, at --per-s, come while the store is down"
    )
    parser.add_argument("--per-s", type=float, help="calls a second")
    parser.add_argument("--parallel", type=int, default=4, help="sinks that share the kills")
    options = parser.parse_args()
    base = SHORT if options.short else FULL
    per_s = options.per_s or base.per_s
    outage = int(options.minutes * 60 * per_s) if options.minutes else base.outage_calls
    size = Size(options.kills or base.kills, per_s, outage)
    outcomes = []
    title = (
        f"chaos of the sink on {options.broker}: {size.kills} faults each, shared by {options.parallel} sinks, "
        f"{size.per_s:,.0f} calls/s to each"
    )
    # A forked sink also holds what only others import: that of an outage, whose memory is looked at, comes last.
    names = sorted(options.scenario or SCENARIOS, key=lambda name: name == "store-down")
    with start_broker(options.broker) as broker, tempfile.TemporaryDirectory() as folder, ExitStack() as forked:
        keep_in(Path(folder) / "migrated")
        forked.enter_context(forking())
        for name in names:
            if name == "store-down":
                forked.close()
            outcomes.append(run_beside(broker, name, size, Path(folder), options.parallel))
            write(outcomes, title)  # after each, since all of them take hours
            show(outcomes, title)
    sys.exit(any(outcome.verdict != "pass" for outcome in outcomes))


if __name__ == "__main__":
    main()
