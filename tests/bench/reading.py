"""What a reader of a stream needed, from samples of its progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Reading", "Sample", "median_reading", "reading_of"]


@dataclass(frozen=True)
class Sample:
    """How far a reader was at a moment: events so far, a clock in seconds, CPU seconds used so far."""

    at_s: float
    events: int
    cpu_s: float


@dataclass(frozen=True)
class Reading:
    """Events read, in how many seconds, with how many CPU seconds (user + system), in at most how much memory (MB)."""

    events: int
    seconds: float
    cpu_seconds: float
    peak_mb: float | None = None

    @property
    def per_s(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        """CPU seconds per million events."""
        return self.cpu_seconds / self.events * 1e6

    def row(self, name: str, baseline: Reading) -> dict[str, object]:
        """A row of the rollup benchmark's table."""
        return {
            "reader": name,
            "events_per_s": self.per_s,
            "share_of_aiokafka": self.per_s / baseline.per_s,
            "cpu_s_per_million": self.cpu_s_per_million,
            "peak_rss_mb": self.peak_mb,
        }


def reading_of(samples: Sequence[Sample], peak_mb: float | None = None) -> Reading:
    """From the first sample with events to the last one: starting up is not counted.

    Raises:
        ValueError: there are not two such samples with events and time between them.
    """
    begun = [sample for sample in samples if sample.events > 0]
    if not begun or begun[-1].events <= begun[0].events or begun[-1].at_s <= begun[0].at_s:
        raise ValueError(f"{len(begun)} samples with progress are too few to measure by: let it read more events")
    first, last = begun[0], begun[-1]
    return Reading(last.events - first.events, last.at_s - first.at_s, last.cpu_s - first.cpu_s, peak_mb)


def median_reading(readings: Sequence[Reading]) -> dict[str, float]:
    """The medians over the rounds, each figure by itself; `readings` is not empty and all have a peak."""
    return {
        "events_per_s": median(reading.per_s for reading in readings),
        "cpu_s_per_million": median(reading.cpu_s_per_million for reading in readings),
        "peak_rss_mb": median(reading.peak_mb or 0.0 for reading in readings),
    }
