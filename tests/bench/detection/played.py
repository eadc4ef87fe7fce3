"""What is kept of a seed: the load that was made of it, and what one rule set told of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.bench.detection.firing import Firing

__all__ = ["Made", "Played", "Told"]


@dataclass
class Made:
    """The load of a seed."""

    truth: list[dict[str, Any]]
    services: dict[str, str]
    """What the traffic of each is like."""
    calls: int
    """Its share of the calls of all that were made with it, as the seconds are."""
    cpu_s: float


@dataclass
class Told:
    """What one rule set told of the load of a seed."""

    firings: list[Firing]
    series: int
    """How many it judged."""
    cpu_s: float
    """Its share of the time that all took that were judged with it."""


@dataclass
class Played:
    """What one seed gave."""

    seed: int
    truth: list[dict[str, Any]]
    firings: dict[str, list[Firing]]
    """By rule set; those that have judged this seed."""
    series: dict[str, int]
    """How many series each rule set judged."""
    services: dict[str, str] = field(default_factory=dict)
    """What the traffic of each is like."""
