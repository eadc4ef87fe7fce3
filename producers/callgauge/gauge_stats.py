"""The counts that a Gauge shows to its host."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge.delivery import Delivery

__all__ = ["GaugeStats", "stats_of"]


@dataclass(frozen=True)
class GaugeStats:
    """What became of calls and judgements, since the start of the process or since it was forked."""

    emitted: int
    """Taken; = delivered + failed + spilled + those still under way."""
    delivered: int
    """The broker has them."""
    dropped: int
    """Not taken: the queue was full, or the Gauge closed."""
    invalid: int
    """Not taken: it cannot be counted, since it has no service, or it judges what cannot be found."""
    failed: int
    """Taken, but the broker never got them."""
    spilled: int = 0
    """Written to disk (`CALLGAUGE_SPILL_DIR`), to be delivered later, by this process or the next."""
    replayed: int = 0
    """Read from disk, also what processes before had left there, and delivered."""
    replay_failed: int = 0
    """Read from disk, but damaged, or refused by the broker."""
    on_disk: int = 0
    """On disk now, to be delivered by this process."""
    contents_dropped: int = 0
    """Prompts and answers that were not taken, since too much waits; their calls were."""


def stats_of(delivery: Delivery, contents_dropped: int) -> GaugeStats:
    """The counts now."""
    counts, disk = delivery.counts, delivery.spilling
    kept = (disk.replayed, disk.failed, disk.waiting) if disk is not None else (0, 0, 0)
    return GaugeStats(
        counts.taken,
        counts.delivered,
        counts.dropped,
        counts.invalid,
        counts.failed,
        counts.spilled,
        *kept,
        contents_dropped,
    )
