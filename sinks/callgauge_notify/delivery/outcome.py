"""What became of a notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callgauge_notify.grouping.episode import Told
from callgauge_notify.grouping.notice import Item, Notice

__all__ = ["Outcome"]


@dataclass(slots=True)
class Outcome:
    """What became of a notice.

    Attributes:
        memory: what the receiver keeps, by alert_id.
        failed: the items that were given up, each with the reason.
        problem: why something was given up, be it only a repetition; "" if nothing was.
        taken: how many deliveries the receiver took.
        told: what was written down of it.
        crashed: nothing could be written down; the process is to end.
    """

    notice: Notice
    memory: dict[str, Mapping[str, str]] = field(default_factory=dict)
    failed: list[tuple[Item, str]] = field(default_factory=list)
    problem: str = ""
    taken: int = 0
    told: list[Told] = field(default_factory=list)
    crashed: Exception | None = None
