"""What each worker of a group did, from its progress since the partitions have been where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.reading import Reading, Sample, reading_of

__all__ = ["Told", "Work", "all_read", "shares", "together", "work_of"]


@dataclass(frozen=True)
class Told:
    """What a worker said at a moment: its clock, CPU seconds used so far, and the next offset of each partition."""

    at_s: float
    cpu_s: float
    offsets: Mapping[int, int]

    @property
    def sample(self) -> Sample:
        """As one stream."""
        return Sample(self.at_s, sum(self.offsets.values()), self.cpu_s)


@dataclass(frozen=True)
class Work:
    """What a worker needed while it was measured, and all events of each partition that it read."""

    reading: Reading
    events: Mapping[int, int]
    """From its first word on in which it held what it held in the end; a little more than in `reading`."""


def all_read(latest: Sequence[Mapping[int, int]], partitions: int, count: int) -> bool:
    """Whether the workers' last words cover each partition once, and all `count` events in them."""
    held = sorted(partition for offsets in latest for partition in offsets)
    return all(latest) and held == list(range(partitions)) and sum(sum(o.values()) for o in latest) >= count


def work_of(told: Sequence[Told], peak_mb: float | None = None) -> Work:
    """From the moment a worker held what it held in the end, to the one before it was through.

    What it read earlier, for itself or for the one who has the partition now, is not in it.

    Raises:
        ValueError: it was through before it had told its progress often enough.
    """
    stretch = _settled(told)
    reading = reading_of([one.sample for one in _busy(stretch)], peak_mb)
    first = stretch[0].offsets
    return Work(reading, {p: offset - first[p] for p, offset in sorted(stretch[-1].offsets.items())})


def _settled(told: Sequence[Told]) -> list[Told]:
    """The end of it in which the partitions stay the same and none goes back."""
    stretch: list[Told] = []
    for one in reversed(told):
        if stretch and (one.offsets.keys() != stretch[0].offsets.keys() or _ahead(one, stretch[0])):
            break
        stretch.insert(0, one)
    return stretch


def _ahead(one: Told, other: Told) -> bool:
    return any(offset > other.offsets[p] for p, offset in one.offsets.items())


def _busy(stretch: list[Told]) -> list[Told]:
    """Up to the first that covers all; without it, since it was through at some time in the second before."""
    total = stretch[-1].sample.events if stretch else 0
    busy = [one for one in stretch if one.sample.events < total]
    return busy if len([one for one in busy if one.sample.events > 0]) >= 2 else stretch[: len(busy) + 1]


def together(works: Sequence[Work]) -> Reading:
    """The workers of a group as one: sums of events and CPU seconds, over the longest time."""
    readings = [work.reading for work in works]
    return Reading(
        sum(reading.events for reading in readings),
        max(reading.seconds for reading in readings),
        sum(reading.cpu_seconds for reading in readings),
        sum(reading.peak_mb or 0.0 for reading in readings),
    )


def shares(works: Sequence[Work]) -> dict[int, float]:
    """Each partition's share of all the events; 1 / partitions where all are equally busy."""
    total = sum(sum(work.events.values()) for work in works)
    return {p: n / total for work in works for p, n in sorted(work.events.items())}
