"""The time that a question is about, from the parameters `from` and `to`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from callgauge_console.parts import Given
from callgauge_console.web.problems import FieldFault, ProblemError

__all__ = ["Span", "TimeSpan"]

_HOUR_S = 3_600.0
_LONGEST_S = 400 * 86_400.0
#: Epoch seconds. Before the first there is room for what a time is compared with.
_FIRST_S, _LAST_S = 63_072_000.0, 4_102_444_800.0


@dataclass(frozen=True)
class TimeSpan:
    """From `start_s` on, up to and without `end_s`; epoch seconds, event time."""

    start_s: float
    end_s: float

    @property
    def start_ms(self) -> int:
        """Epoch milliseconds."""
        return round(self.start_s * 1e3)

    @property
    def end_ms(self) -> int:
        """Epoch milliseconds."""
        return round(self.end_s * 1e3)


def _span(
    parts: Given,
    start: Annotated[
        datetime | None, Query(alias="from", description="ISO 8601 or epoch seconds; by default an hour before `to`.")
    ] = None,
    end: Annotated[datetime | None, Query(alias="to", description="ISO 8601 or epoch seconds; by default now.")] = None,
) -> TimeSpan:
    """Event time, UTC unless it says otherwise."""
    end_s = parts.now() if end is None else _epoch_s(end)
    start_s = end_s - _HOUR_S if start is None else _epoch_s(start)
    if not _FIRST_S <= start_s < end_s <= _LAST_S:
        raise _wrong("from must lie before to, and both between 1972 and 2100")
    if end_s - start_s > _LONGEST_S:
        raise _wrong("at most 400 days can be asked for at once")
    return TimeSpan(start_s, end_s)


def _epoch_s(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _wrong(why: str) -> ProblemError:
    return ProblemError(422, why, errors=[FieldFault(where="from", why=why)])


#: A dependency of routes.
Span = Annotated[TimeSpan, Depends(_span)]
