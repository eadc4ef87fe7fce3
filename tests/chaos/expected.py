"""What must be stored, worked out from the log of calls alone, record by record, once all has been sent.

Reading the log back gives each record's offset and append time, on which deduplication and lateness depend; that the
log holds what was acknowledged, each as often as that, is checked first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge.units import event_ms, nanodollars
from tests.chaos.log_clock import LogClock
from tests.chaos.topic import place_of, read_topic
from tests.oracle import Horizon, Key, recount

__all__ = ["Expected", "LogRecord", "expect", "read_calls"]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of the calls topic."""

    partition: int
    offset: int
    append_ms: int
    value: bytes | None


@dataclass
class Expected:
    """The truth of a run. `len()` is the number of distinct calls."""

    windows: dict[Key, Counter[str]] = field(default_factory=dict)
    books: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Per partition, what the block summaries add up to."""
    poison: set[tuple[int, int]] = field(default_factory=set)
    """Partition and offset of what cannot be read."""
    clock: LogClock = field(default_factory=LogClock)
    values: Counter[int] = field(default_factory=Counter)
    """Hash of each value in the log, and how often it is there."""
    ids: set[str] = field(default_factory=set)
    cost_nano: int = 0
    tokens: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def records(self) -> int:
        """Records in the log."""
        return self.values.total()

    def total(self, name: str) -> int:
        """A quantity of the books over all partitions."""
        return sum(book[name] for book in self.books.values())


def expect(log: Iterable[LogRecord], settings: Settings) -> Expected:
    """Recount a log whose partitions are each in order."""
    expected = Expected(clock=LogClock(settings.out_of_orderness_ms))
    horizon = Horizon(settings.dedup_offsets, settings.dedup_s)
    expected.windows = recount(_counted(log, expected, horizon, settings.out_of_orderness_ms), settings.groupings)
    return expected


def _counted(log: Iterable[LogRecord], expected: Expected, horizon: Horizon, bound_ms: int) -> Iterator[Call]:
    """The calls that windows count, each as often as they do; everything else is entered in `expected`."""
    for record in log:
        expected.values[hash(record.value)] += 1
        book = expected.books[record.partition]
        book["records"] += 1
        call = _read(record.value)
        end_ms = None if call is None else event_ms(call.ts, call.latency_ms)
        expected.clock.add(record.partition, record.offset, record.append_ms, end_ms)
        if call is None or end_ms is None:
            book["dead"] += 1
            expected.poison.add((record.partition, record.offset))
            continue
        _store(expected, call)
        if horizon.is_duplicate(record.partition, record.offset, record.append_ms, call.event_id):
            book["duplicates"] += 1
            continue
        book["counted"] += 1
        book["late"] += record.append_ms - end_ms > bound_ms
        yield call


def _read(value: bytes | None) -> Call | None:
    """Read with pydantic, so that the check does not share a decoder with rollup and the sinks."""
    try:
        return Call.model_validate_json(value or b"")
    except ValidationError:
        return None


def _store(expected: Expected, call: Call) -> None:
    """A call is stored once, however often it comes."""
    if call.event_id in expected.ids:
        return
    expected.ids.add(call.event_id)
    expected.cost_nano += 0 if call.cost_usd is None else nanodollars(call.cost_usd)
    expected.tokens += (call.input_tokens or 0) + (call.output_tokens or 0)


def read_calls(settings: Settings) -> Iterator[LogRecord]:
    """The calls topic from its start to its present end."""
    for message in read_topic(settings, settings.topics.calls):
        yield LogRecord(*place_of(message), message.timestamp()[1], message.value())
