"""Faults of the calls sink and of its store, under load, and every call is counted again.

    python -m tests.chaos.sink                                   all scenarios, 20 kills each, on Apache Kafka
    python -m tests.chaos.sink --kills 200 --minutes 60          as long as issue and patience ask for
    python -m tests.chaos.sink --scenario store-killed --broker tansu --short

The store is a process of its own that speaks ClickHouse's HTTP (`tests/clickhouse_http.py`), so that it can be killed,
be slow, full, or take an insert and not answer. The table has a line for each scenario: missing and duplicate calls
under FINAL, dead letters, the sink's memory (before, at most, at the end), and how fast it caught up.
build/chaos/sink.json has the same. The exit code is 1 unless nothing is missing, twice, or dead without a reason.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from callgauge.errors import StoreError
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store
from tests.brokers import Broker, start_broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.chaos.sink_calls import CONSTRAINT, CallSender, expected_of
from tests.clickhouse_http import Fault, HttpStore
from tests.embedded_store import place_new

__all__ = ["FULL", "SCENARIOS", "SHORT", "Outcome", "Size", "run"]

_COMMAND = [sys.executable, "-m", "tests.chaos.sink_worker"]
_WITHIN_S = 180.0


@dataclass(frozen=True)
class Size:
    """How often, how long and how much."""

    kills: int
    per_s: float
    outage_calls: int
    """Sent while the store is down."""


FULL = Size(kills=20, per_s=2_000, outage_calls=600_000)
SHORT = Size(kills=2, per_s=1_000, outage_calls=20_000)


@dataclass
class Outcome:
    """A finished scenario."""

    scenario: str
    faults: int = 0
    calls: int = 0
    missing: int = 0
    duplicates: int = 0
    wrong: list[str] = field(default_factory=list)
    dead: int = 0
    dead_expected: int = 0
    ended: int = 0
    """How often the sink ended by itself."""
    start_mb: float = 0.0
    most_mb: float = 0.0
    end_mb: float = 0.0
    caught_up_per_s: float | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """ "pass", or what was not as it must be."""
        found = [*self.wrong]
        found += [f"{self.missing} missing"] if self.missing else []
        found += [f"{self.duplicates} twice"] if self.duplicates else []
        found += [f"{self.dead} dead letters of {self.dead_expected}"] if self.dead != self.dead_expected else []
        return "; ".join(found) or "pass"


class Scene:
    """The sink, its store and what is sent."""

    def __init__(self, settings: Settings, http: HttpStore, sink: Role, sender: CallSender, outcome: Outcome) -> None:
        self.settings, self.http, self.sink, self.sender, self.outcome = settings, http, sink, sender, outcome
        self.rng = random.Random(7)

    def stored(self) -> int | None:
        """Rows in the table, which may hold some twice; None while the store is away."""
        try:
            store = self._open()
            found = int(store.query("SELECT count() FROM calls").rows[0][0])
            store.close()
        except StoreError:
            return None
        return found

    def wait(self, what: str, condition: Callable[[], bool], within_s: float = _WITHIN_S) -> None:
        """Poll. The sink is started again when it ended by itself, as a supervisor does.

        Raises:
            RuntimeError: it did not come to that in time.
        """
        until = time.monotonic() + within_s
        while not condition():
            self.tend()
            if time.monotonic() > until:
                raise RuntimeError(f"waited {within_s:g} s for {what}")
            time.sleep(0.05)

    def tend(self) -> None:
        """Start the sink again if it has ended, and look how large it is."""
        if not self.sink.alive:
            self.outcome.ended += 1
            self.sink.start()
        self.outcome.most_mb = max(self.outcome.most_mb, self.sink_mb())

    def sink_mb(self) -> float:
        """Resident memory of the sink; 0 for a moment when it is started again."""
        try:
            return psutil.Process(self.sink.process.pid).memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            return 0.0

    def wait_more(self, rows: int = 1) -> None:
        """Wait until more rows are stored than now."""
        before = self.stored() or 0
        self.wait("more calls to be stored", lambda: (self.stored() or 0) >= before + rows)

    def pause(self) -> None:
        """Up to a second, by chance."""
        until = time.monotonic() + self.rng.random()
        self.wait("time to pass", lambda: time.monotonic() >= until)

    def _open(self) -> Store:
        return open_store(self.http.dsn, timeout_s=20)

    def audit(self, sent: int) -> None:
        """Wait until all is stored, or nothing changes any more, and count."""
        expected, outcome = expected_of(sent), self.outcome
        sql = (
            "SELECT (SELECT count() FROM calls_final), (SELECT uniqExact(event_id) FROM calls),"
            " (SELECT sum(toUInt64(event_id)) FROM calls_final), (SELECT sum(cost_nano) FROM calls_final),"
            " (SELECT count() FROM dead_letters FINAL), (SELECT countIf(reason = '') FROM dead_letters FINAL)"
        )
        right = [expected.calls, expected.calls, expected.ids, expected.cost_nano, expected.dead, 0]
        found: list[int] = []
        until = time.monotonic() + 60
        while time.monotonic() < until and found != right:
            self.tend()
            store = self._open()
            newest = [int(value or 0) for value in store.query(sql).rows[0]]
            store.close()
            if newest != found:
                found, until = newest, time.monotonic() + 60
            time.sleep(0.2)
        rows, unique, ids, cost_nano, outcome.dead, nameless = found
        outcome.calls, outcome.dead_expected = expected.calls, expected.dead
        outcome.missing, outcome.duplicates = expected.calls - unique, rows - unique
        outcome.wrong += [] if (ids, cost_nano) == (expected.ids, expected.cost_nano) else ["other calls than sent"]
        outcome.wrong += [f"{nameless} dead letters without a reason"] if nameless else []
        outcome.end_mb = self.sink_mb()


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
    """The same fault for so many inserts."""

    def inflict(scene: Scene, size: Size) -> int:
        scene.http.faults(Fault(**asdict(fault) | {"times": size.kills}))
        scene.wait("the faults to be over", lambda: scene.http.left() == 0, _WITHIN_S + 40 * size.kills)
        scene.wait_more()
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
    started, before = time.monotonic(), scene.stored() or 0
    expected = expected_of(scene.sender.sent).calls
    scene.wait("the sink to catch up", lambda: (scene.stored() or 0) >= expected, _WITHIN_S + size.outage_calls / 2_000)
    scene.outcome.caught_up_per_s = (expected - before) / (time.monotonic() - started)
    return 1


SCENARIOS: dict[str, Inflict] = {
    "sink-killed": _sink_killed,
    "store-killed": _store_killed,
    "store-died-after-insert": _store_died_after_insert,
    "answers-lost": _each(Fault("cut")),
    "slow-inserts": _each(Fault("slow", seconds=2.0)),
    "disk-full": _each(Fault("error", code=243)),
    "too-many-parts": _each(Fault("error", code=252)),
    "no-memory-for-large": _each(Fault("large", code=241, size=100_000)),
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


def show(outcomes: list[Outcome], title: str) -> None:
    """A line for each."""
    table = Table(
        "scenario", "faults", "sink ended", "calls", "missing", "twice", "dead letters", "MB start/most/end",
        "catch-up/s", "seconds", "verdict", title=title,
    )  # fmt: skip
    for each in outcomes:
        rate = "-" if each.caught_up_per_s is None else f"{each.caught_up_per_s:,.0f}"
        table.add_row(
            each.scenario, str(each.faults), str(each.ended), f"{each.calls:,}", str(each.missing),
            str(each.duplicates), f"{each.dead} of {each.dead_expected}",
            f"{each.start_mb:.0f}/{each.most_mb:.0f}/{each.end_mb:.0f}", rate, f"{each.seconds:.0f}", each.verdict,
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
    options = parser.parse_args()
    base = SHORT if options.short else FULL
    per_s = options.per_s or base.per_s
    outage = int(options.minutes * 60 * per_s) if options.minutes else base.outage_calls
    size = Size(options.kills or base.kills, per_s, outage)
    outcomes = []
    title = f"chaos of the sink on {options.broker}: {size.kills} faults each, {size.per_s:,.0f} calls/s"
    with start_broker(options.broker) as broker, tempfile.TemporaryDirectory() as folder:
        for name in options.scenario or SCENARIOS:
            outcomes.append(run(broker, name, size, Path(folder) / name))
            print(f"{name}: {outcomes[-1].verdict} ({outcomes[-1].seconds:.0f} s)", file=sys.stderr, flush=True)
    path = Path(__file__).parents[2] / "build" / "chaos" / "sink.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(each) | {"verdict": each.verdict} for each in outcomes]
    path.write_text(json.dumps({"title": title, "runs": rows}, indent=2))
    show(outcomes, title)
    sys.exit(any(outcome.verdict != "pass" for outcome in outcomes))


if __name__ == "__main__":
    main()
