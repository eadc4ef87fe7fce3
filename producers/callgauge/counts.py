"""What became of the calls and judgements of one Gauge in one process."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from callgauge.spill.spilling import Spilling

__all__ = ["Counts", "told_counts"]


@dataclass
class Counts:
    """What became of the calls and judgements of this process."""

    taken: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    invalid: int = 0
    spilled: int = 0

    @property
    def pending(self) -> int:
        """Taken, and in memory still."""
        return self.taken - self.delivered - self.failed - self.spilled


def told_counts(counts: Counts, spilling: Spilling | None) -> dict[str, int]:
    """The counts in a `Heartbeat`."""
    told = {name: count for name, count in asdict(counts).items() if name != "taken"}
    told |= {"emitted": counts.taken, "waiting": max(0, counts.pending)}
    if spilling is not None:
        told |= {"replayed": spilling.replayed, "replay_failed": spilling.failed, "on_disk": spilling.waiting}
    return told
