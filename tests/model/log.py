"""A partition's log: holes, repeated events, unreadable records, skewed clocks, and retention."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge_streams.bus.blocks import Record
from tests.random_calls import random_call

__all__ = ["Entry", "Log", "append_calls"]

_DEAD = (b"", b"{", b'{"event_id": "x", "ts": NaN}')
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log."""

    offset: int
    timestamp_ms: int
    value: bytes
    call: Call | None
    """None: it cannot be read."""


@dataclass
class Log:
    """One partition of one topic; a `blocks.LogHead`.

    Retention leaves no event behind whose duplicate it ate: whether such an event is counted depends on when its block
    was last read, so there is no plain recount of it.
    """

    source: str
    stamped: bool
    """Whether the broker sets the timestamps: then they never go back."""
    widest: tuple[int, int]
    """The largest horizon that any worker may use: offsets, ms."""
    start: int = 0
    end: int = 0
    deleted: bool = False
    entries: list[Entry] = field(default_factory=list)
    """Everything that was ever appended."""

    def append(self, timestamp_ms: int, value: bytes, call: Call | None, hole: int) -> None:
        """Add a record after `hole` offsets that hold none."""
        offset = self.end + hole
        self.entries.append(Entry(offset, timestamp_ms, value, call))
        self.end = offset + 1

    def read(self, offset: int, most: int | None = None) -> Sequence[Entry]:
        """Records from an offset on, as far as they are left."""
        at = bisect_left(self.entries, max(offset, self.start), key=lambda entry: entry.offset)
        return self.entries[at:] if most is None else self.entries[at : at + most]

    def first_from(self, offset: int) -> Record | None:
        """See `LogHead`."""
        found = self.read(offset, 1)
        return Record(found[0].offset, found[0].timestamp_ms, self.stamped) if found else None

    def first_at(self, timestamp_ms: int) -> int | None:
        """See `LogHead`."""
        return next((entry.offset for entry in self.read(0) if entry.timestamp_ms >= timestamp_ms), None)

    def retain_from(self, offset: int, limit: int | None = None) -> None:
        """Retention eats what lies before an offset, and more where that would part duplicates; nothing if that is
        beyond the limit."""
        offset = min(max(offset, self.start), self.end)
        latest: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.call is None:
                continue
            earlier = latest.get(entry.call.event_id)
            if earlier and earlier.offset < offset <= entry.offset and self._near(earlier, entry):
                offset = entry.offset + 1
            latest[entry.call.event_id] = entry
        if limit is None or offset <= limit:
            self.start = offset

    def repeatable(self, timestamp_ms: int) -> list[Entry]:
        """Events that may be sent again: those left, and those that no horizon reaches any more."""
        new = Entry(self.end, timestamp_ms, b"", None)
        latest = {entry.call.event_id: entry for entry in self.entries if entry.call}
        return [e for e in latest.values() if e.offset >= self.start or not self._near(e, new)]

    def _near(self, earlier: Entry, later: Entry) -> bool:
        offsets, ms = self.widest
        # Holes and steps of time may still be added before the later one, never taken away.
        return later.offset - earlier.offset <= offsets and later.timestamp_ms - earlier.timestamp_ms <= ms


def append_calls(log: Log, now: float, rng: random.Random, count: int) -> None:
    """Append records at log time `now` (epoch seconds): calls, calls once more, and unreadable ones."""
    for _ in range(count):
        hole = 0 if rng.random() < 0.9 else rng.randrange(1, 12)
        # Producers' clocks differ by less than the horizon is long, which is all that duplicates.py promises for.
        timestamp_ms = int(now * 1000) - (0 if log.stamped else rng.choice((0, 0, 300, 2_000)))
        if rng.random() < 0.05:
            log.append(timestamp_ms, rng.choice(_DEAD), None, hole)
            continue
        call = _repeated(log, timestamp_ms, rng) if rng.random() < 0.15 else None
        if call is None:
            skew = rng.choice((0.0, 0.0, 0.0, 4.0, 30.0, 300.0, rng.uniform(-_DAY_S, _DAY_S)))
            call = random_call(rng, f"{log.source}#{len(log.entries)}", now - skew)
            few = {"service": f"s{rng.randrange(3)}", "model": f"m{rng.randrange(3)}"}
            call = call.model_copy(update=few)
        log.append(timestamp_ms, encode(call), call, hole)


def _repeated(log: Log, timestamp_ms: int, rng: random.Random) -> Call | None:
    earlier = log.repeatable(timestamp_ms)
    if not earlier:
        return None
    near = earlier[-rng.choice((3, 15, 60, len(earlier))) :]
    return rng.choice(near).call
