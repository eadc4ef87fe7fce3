"""What becomes of the events of one request: records for the bus, and refusals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from callgauge.errors import DecodeError

__all__ = ["Batch", "Record", "Refusal"]


class Record(NamedTuple):
    """One message for the bus."""

    topic: str
    key: bytes
    value: bytes
    place: int
    """Of its event among those of the request; -1 for a dead letter."""


class Refusal(NamedTuple):
    """An event that is not taken."""

    place: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


@dataclass
class Batch:
    """The outcome of one request, before the bus has it."""

    records: list[Record] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    passed_over: int = 0
    """Spans and log records that tell nothing of an LLM application."""
    ignored: set[str] = field(default_factory=set)
    """Names that are no fields of a call; emitters see them in the answer."""
    services: Counter[str] = field(default_factory=Counter)
    """Service -> events of it."""
    unreadable: DecodeError | None = None
    """Why nothing of the body could be read; the sender is told that, and a dead letter tells everybody else."""

    @property
    def taken(self) -> int:
        """Events that go to the bus."""
        return sum(self.services.values())
