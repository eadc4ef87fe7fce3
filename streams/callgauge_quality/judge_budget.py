"""What a judge may cost on a day (UTC), and what it has cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Budget"]

_DAY_S = 86_400


@dataclass
class Budget:
    """Dollars of one day. For one thread.

    Workers share the day's budget by what they read: each has the part of the partitions that it holds. A partition
    that moves during the day brings its part along, and not what the worker before has spent of it.

    What is under way counts with what a call cost last, so that a few at once do not overrun it by much.

    Attributes:
        limit_usd: of a day, of all workers.
        part: of it that is this worker's, 0 to 1.
        day: whole days since 1970; of another day nothing is spent yet.
    """

    limit_usd: float
    day: int = -1
    spent_usd: float = 0.0
    last_usd: float = 0.0
    under_way: int = 0
    part: float = 1.0

    def begin(self, now_s: float) -> bool:
        """Whether another call may be made; then `end` must be called. False: the day's budget is spent."""
        today = int(now_s // _DAY_S)
        if today != self.day:
            self.day, self.spent_usd = today, 0.0
        limit_usd = self.limit_usd * self.part
        if self.spent_usd + (self.under_way + 1) * self.last_usd > limit_usd or self.spent_usd >= limit_usd:
            return False
        self.under_way += 1
        return True

    def end(self, cost_usd: float) -> None:
        """A call was made, and cost so much."""
        self.under_way -= 1
        self.spent_usd += cost_usd
        self.last_usd = cost_usd or self.last_usd

    @property
    def spent_text(self) -> str:
        """What is said when nothing more may be spent."""
        of = f"{self.part:.0%} of ".replace("%", " %") if self.part < 1 else ""
        return f"{of}the day's budget of {self.limit_usd:g} USD is spent"
