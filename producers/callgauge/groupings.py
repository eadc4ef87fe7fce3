"""Grouping sets: which labels are aggregated together, and how wide the windows are."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge.counted import LABELS
from callgauge.errors import SettingError

__all__ = ["GroupingSet", "parse_groupings"]


@dataclass(frozen=True)
class GroupingSet:
    """As in SQL: the subset of labels that make a series, and the width of its windows.

    >>> GroupingSet(("service", "model"), 60_000).name
    'service,model@60s'
    """

    labels: tuple[str, ...]
    window_ms: int

    @property
    def name(self) -> str:
        """Canonical name, part of every row's identity."""
        return f"{','.join(self.labels)}@{self.window_ms // 1000}s"


def parse_groupings(text: str) -> tuple[GroupingSet, ...]:
    """Grouping sets from the setting, e.g. "@10s model@10s service,model@60s".

    Labels are put in canonical order, so that "model,service" and "service,model" are the same set.

    Raises:
        SettingError: an unknown label, a width that is no whole number of seconds, a set named twice.
    """
    sets = tuple(_parse(part) for part in text.split())
    if not sets:
        raise SettingError("CALLGAUGE_GROUPINGS: no grouping set; name at least one, e.g. @10s")
    if len(set(sets)) != len(sets):
        raise SettingError(f"CALLGAUGE_GROUPINGS: a grouping set is named twice in {text!r}")
    return sets


def _parse(part: str) -> GroupingSet:
    names, at, width = part.partition("@")
    labels = tuple(names.split(",")) if names else ()
    unknown = [label for label in labels if label not in LABELS]
    if unknown:
        raise SettingError(f"CALLGAUGE_GROUPINGS: {unknown[0]!r} in {part!r} is no label; labels: {', '.join(LABELS)}")
    if not (at and width.endswith("s") and width[:-1].isdecimal() and int(width[:-1]) > 0):
        raise SettingError(f"CALLGAUGE_GROUPINGS: {part!r} must end in @<whole seconds>s, e.g. model@10s")
    return GroupingSet(tuple(sorted(set(labels), key=LABELS.index)), int(width[:-1]) * 1000)
