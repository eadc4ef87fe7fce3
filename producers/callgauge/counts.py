"""What became of the calls and judgements of one Gauge in one process."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counts"]


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
