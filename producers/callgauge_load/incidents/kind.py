"""What a kind of incident is: its default scope and severity, what it does to calls, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from callgauge_load.made.batch import Array, Batch
from callgauge_load.made.world import World

__all__ = ["Effect", "Hit", "Kind"]


@dataclass(frozen=True)
class Hit:
    """The calls of an incident's scope and time, which an effect changes."""

    world: World
    batch: Batch
    """At least one call."""
    severity: float
    progress: Array
    """How far the incident is when each call begins, 0..1."""
    left_s: Array
    """How many seconds of the incident are left then."""
    rng: Any
    number: int
    """Of the incident."""

    def chosen(self, share: Any) -> Array:
        """A mask of calls, each with this chance."""
        return self.rng.random(len(self.batch)) < share  # type: ignore[no-any-return]


#: Gives what becomes of the calls: as many, fewer or more, all beginning while the incident lasts.
Effect = Callable[[Hit], Batch]


@dataclass(frozen=True)
class Kind:
    """A kind of incident."""

    name: str
    effect: Effect
    severity: float
    """The default."""
    least: float
    most: float
    unit: str
    """What the severity means."""
    scope: tuple[str, ...]
    """What is named by default: keys of a scope, whose values are drawn."""
    seen_in: tuple[str, ...]
    """Aggregates of rules that show it."""
    tell: str
    """What an engineer should be told: a text with {scope}, {severity} and {percent}."""
    hard: bool = False
    """To be seen within 90 s."""
    slow: bool = False
    """Grows slowly, or shows in quality only."""
    at_end: bool = False
    """Calls are hit that end, not that begin, while it lasts."""
    opens_breakers: bool = False
    """Circuit breakers of the services open and close."""
    silent: bool = False
    """Calls do not come, or not at their time: it can be known when the silence is longer than usual ones."""
