"""A sink of calls, its store and what is sent to it, for the chaos runs of `tests.chaos.sink`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from callgauge.errors import StoreError
from callgauge.settings import Settings
from callgauge_history.store import Store, open_store
from tests.chaos.pipeline import Role
from tests.chaos.sink_calls import CallSender, expected_of
from tests.clickhouse_http import HttpStore

__all__ = ["FULL", "SHORT", "WITHIN_S", "Outcome", "Scene", "Size", "together"]

WITHIN_S = 180.0
#: Each alone, since a store that has millions and little of a core may not answer all at once within its time.
_ALL = (
    "SELECT count(), sum(toUInt64(event_id)), sum(cost_nano) FROM calls_final",
    "SELECT uniqExact(event_id) FROM calls",
    "SELECT count(), countIf(reason = '') FROM dead_letters FINAL",
)


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
    caught_up_cpu_s: float | None = None
    """CPU seconds of the sink for a million of the calls that it caught up with."""
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
        self.rng = random.Random(settings.data_dir.name)
        self._store: Store | None = None

    def stored(self) -> int | None:
        """Rows in the table, which may hold some twice; None while the store is away."""
        found = self._count() if self._store is not None else None
        return self._count() if found is None else found  # the first may have found the store gone that was asked last

    def _count(self) -> int | None:
        """Over the connection of the last count, since to make one takes longer than to count."""
        try:
            self._store = self._store or self._open()
            return int(self._store.query("SELECT count() FROM calls").rows[0][0])
        except StoreError:
            if self._store is not None:
                self._store.close()
            self._store = None
            return None

    def wait(self, what: str, condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Poll. The sink is started again when it ended by itself, as a supervisor does.

        Raises:
            RuntimeError: it did not come to that in time.
        """
        until = time.monotonic() + within_s
        while not condition():
            self.tend()
            if time.monotonic() > until:
                raise RuntimeError(f"waited {within_s:g} s for {what}")
            time.sleep(0.2)

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

    def sink_cpu_s(self) -> float:
        """User and system time of the sink so far."""
        times = psutil.Process(self.sink.process.pid).cpu_times()
        return float(times.user + times.system)

    def wait_more(self, rows: int = 1) -> None:
        """Wait until more rows are stored than now."""
        before = self.stored() or 0
        self.wait("more calls to be stored", lambda: (self.stored() or 0) >= before + rows)

    def pause(self) -> None:
        """Up to a second, by chance."""
        until = time.monotonic() + self.rng.random()
        self.wait("time to pass", lambda: time.monotonic() >= until)

    def _open(self) -> Store:
        return open_store(self.http.dsn, timeout_s=60)

    def _ask_all(self) -> list[int]:
        store = self._open()
        try:
            return [int(value or 0) for sql in _ALL for value in store.query(sql).rows[0]]
        finally:
            store.close()

    def audit(self, sent: int) -> None:
        """Wait until all is stored, or nothing changes any more, and count.

        Raises:
            StoreError: the store has never answered.
        """
        expected, outcome = expected_of(sent), self.outcome
        right = [expected.calls, expected.ids, expected.cost_nano, expected.calls, expected.dead, 0]
        found: list[int] = []
        until = time.monotonic() + WITHIN_S
        while found != right and time.monotonic() < until:
            self.tend()
            asked = time.monotonic()
            with suppress(StoreError):
                newest = self._ask_all()
                if newest != found:
                    found, until = newest, time.monotonic() + WITHIN_S
            time.sleep(max(0.2, 4 * (time.monotonic() - asked)))  # what a question takes is taken from the inserts
        rows, ids, cost_nano, unique, outcome.dead, nameless = found or self._ask_all()
        outcome.calls, outcome.dead_expected = expected.calls, expected.dead
        outcome.missing, outcome.duplicates = expected.calls - unique, rows - unique
        outcome.wrong += [] if (ids, cost_nano) == (expected.ids, expected.cost_nano) else ["other calls than sent"]
        outcome.wrong += [f"{nameless} dead letters without a reason"] if nameless else []
        outcome.end_mb = self.sink_mb()


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """What several that ran beside each other came to: memory is that of the largest."""
    added = Outcome(outcomes[0].scenario)
    for name in ("faults", "calls", "missing", "duplicates", "wrong", "dead", "dead_expected", "ended"):
        setattr(added, name, sum((getattr(each, name) for each in outcomes), start=getattr(added, name)))
    for name in ("start_mb", "most_mb", "end_mb", "seconds"):
        setattr(added, name, max(getattr(each, name) for each in outcomes))
    added.caught_up_per_s, added.caught_up_cpu_s = outcomes[0].caught_up_per_s, outcomes[0].caught_up_cpu_s
    return added
