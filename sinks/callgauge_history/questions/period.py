"""The time that a question is about."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge.errors import QuestionError

__all__ = ["Period"]


@dataclass(frozen=True, order=True)
class Period:
    """Half-open, [start_ms, end_ms), epoch milliseconds of event time (the end of a call).

    Raises:
        QuestionError: it is empty.
    """

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.start_ms >= self.end_ms:
            raise QuestionError(
                f"the period from {self.start_ms} to {self.end_ms} ms is empty: it must end after it begins"
            )

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.end_ms - self.start_ms

    def widened(self, width_ms: int) -> Period:
        """The smallest period of whole multiples of `width_ms` that holds it.

        >>> Period(1_500, 2_500).widened(1_000)
        Period(start_ms=1000, end_ms=3000)
        """
        return Period(self.start_ms // width_ms * width_ms, -(-self.end_ms // width_ms) * width_ms)

    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        return Period(self.start_ms - self.length_ms, self.start_ms)
