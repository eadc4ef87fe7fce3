"""What a detector says, in the one form that is scored: that something is wrong with a series, from a time on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Firing"]


@dataclass(frozen=True)
class Firing:
    """An alert that fires."""

    rule: str
    aggregate: str
    labels: Mapping[str, str]
    at_s: float
    """Epoch seconds when somebody is told."""
    page: bool
    """Somebody is woken up; else it is a warning."""
    lookback_s: float
    cause: bool = False
    """Its rule says that it names a cause: of alerts at the same time it is told first, and may hide the others."""
