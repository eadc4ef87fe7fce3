"""How far a consumer group is behind."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Lag"]


@dataclass(frozen=True)
class Lag:
    """How far a consumer group is in one partition."""

    group: str
    topic: str
    partition: int
    committed: int | None
    """The next offset that it would read after a restart; None if it has not committed yet."""
    end: int
    """The offset after the last record."""
    unprocessed: int | None = None
    """Records that the worker itself is not done with; None if it offers no metrics."""

    @property
    def lag(self) -> int | None:
        """Records after the committed offset; None if nothing is committed and there are records."""
        if self.committed is None:
            return None if self.end else 0
        return max(0, self.end - self.committed)
