"""The verdict on completeness, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["EXIT_CODES", "Gap", "Holds", "Hour", "Kind", "Report", "Status", "iso_time"]

Kind = Literal["records", "calls", "scores", "dead letters", "lost", "between blocks", "overlap"]
Holds = Literal["calls", "scores"]
State = Literal["ok", "open", "not compared", "gap"]
Status = Literal["exact", "on its way", "missing"]
#: What the command `callgauge completeness` ends with. 2 is a mistake in its arguments.
EXIT_CODES: dict[Status, int] = {"exact": 0, "missing": 1, "on its way": 3}


@dataclass(frozen=True)
class Gap:
    """Something that is wrong. `hour_ms` is 0 if no hour is known."""

    source: str
    hour_ms: int
    kind: Kind
    message: str


@dataclass
class Hour:
    """The counts of one source, over the blocks whose first record was appended in one hour.

    `stored` and `letters` are None if no sink stores the source.
    """

    source: str
    hour_ms: int
    records: int = 0
    counted: int = 0
    duplicates: int = 0
    dead: int = 0
    late: int = 0
    folded: int = 0
    clamped: int = 0
    differing: int = 0
    """Of the duplicates, those with other content than what came first: an id was used twice."""
    lost: int = 0
    stored: int | None = None
    letters: int | None = None
    blocks: int = 0
    open: int = 0
    """Blocks that have not ended yet, or that the sinks have not stored to their end yet."""
    not_compared: int = 0
    state: State = "ok"
    holds: Holds = "calls"
    """What the source holds."""


@dataclass
class Report:
    """The verdict. `pending` (what is on its way) and `notes` are for people; they do not mean that something is
    wrong."""

    since_ms: int
    hours: list[Hour]
    gaps: list[Gap]
    pending: list[str]
    notes: list[str]
    to_come: int = 0
    """Offsets that only one of rollup and the sink has reached so far, or none of them."""
    unsettled: int = 0
    """Blocks that cannot be compared yet with what is stored."""

    @property
    def status(self) -> Status:
        """exact: every record that the topics hold is counted and stored. on its way: nothing is missing so far, but
        not everything has arrived; ask again. missing: something is wrong."""
        if self.gaps:
            return "missing"
        return "on its way" if self.pending or self.to_come or self.unsettled else "exact"

    @property
    def complete(self) -> bool:
        """Whether nothing is missing up to where both rollup and the sink have come."""
        return not self.gaps

    def total(self, name: str) -> int:
        """The sum of one column of `hours`."""
        return sum(getattr(hour, name) or 0 for hour in self.hours)

    def as_json(self) -> dict[str, Any]:
        """Everything, for machines; times are ISO 8601, UTC."""
        names = [
            *("records", "counted", "duplicates", "differing", "dead"),
            *("late", "folded", "clamped", "lost", "stored", "letters"),
        ]
        return {
            "complete": self.complete,
            "status": self.status,
            "since": iso_time(self.since_ms),
            "to_come": self.to_come,
            "totals": {name: self.total(name) for name in names},
            "hours": [_with_time(asdict(hour)) for hour in self.hours],
            "gaps": [_with_time(asdict(gap)) for gap in self.gaps],
            "pending": self.pending,
            "notes": self.notes,
            "verdict": str(self),
        }

    def __str__(self) -> str:
        if not self.hours and not self.gaps:
            to_come = f"; {self.to_come:,} offsets to come" if self.to_come else ""
            status = "" if self.status == "exact" else f"{self.status}: "
            return f"completeness: {status}nothing was rolled up in this time{to_come}"
        verdict = f"{len(self.gaps)} gap{'s' * (len(self.gaps) > 1)}" if self.gaps else self.status
        counts = {name: f"{self.total(name):,}" for name in ("records", "counted", "duplicates", "dead")}
        line = "completeness: {verdict}: {records} records = {counted} counted + {duplicates} duplicates + {dead} dead"
        if self.total("records") != self.total("counted") + self.total("duplicates") + self.total("dead"):
            line = line.replace("=", "≠")
        if differing := self.total("differing"):
            line += f"; {differing:,} duplicates with other content"
        for holds in ("calls", "scores"):
            stored = [hour.stored for hour in self.hours if hour.stored is not None and hour.holds == holds]
            if stored:
                line += f"; {sum(stored):,} {holds} stored"
        if lost := self.total("lost"):
            line += f"; {lost:,} offsets lost"
        if still_open := self.total("open"):
            line += f"; {still_open:,} block{'s' * (still_open > 1)} open"
        if self.to_come:
            line += f"; {self.to_come:,} offsets to come"
        return line.format(verdict=verdict, **counts)


def _with_time(values: dict[str, Any]) -> dict[str, Any]:
    hour_ms = values.pop("hour_ms")
    return values | {"hour": iso_time(hour_ms) if hour_ms else None}


def iso_time(at_ms: int) -> str:
    """Epoch milliseconds as ISO 8601, UTC."""
    return datetime.fromtimestamp(at_ms / 1e3, UTC).isoformat()
