"""Scores what was told against what happened.

An incident is *detected* by the first alert that fires while it lasts, or within the alert's lookback and ten minutes
after, about a series that it touches. The alert is *right* if its aggregate is one that shows the kind of incident. An
alert about a series that no incident touches then is *false*, whatever its aggregate.

The first right alert *names the cause* if one of its labels is what the incident hits: of a provider that is down the
provider or one of its models, not a service that suffers from it. Of several that are told at the same time, that of a
rule with the role cause comes first, as notifiers let it hide the others. It is *named soon* if that alert does, or a
right one within a minute after it.

Not every incident can be known in its time: calls of a bursty service stay away for minutes every day. Its truth says
after how long its silence can be told from those (`detectable_after_s`, callgauge_load.incidents.knowable). The shares
seen in time are of all incidents; under `..._knowable` those are left out that nobody could have known so soon who
looks at windows of 10 s, whose rows come 3 s after their end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callgauge_load.incidents.catalogue import KINDS
from callgauge_load.incidents.kind import Kind
from tests.bench.detection.firing import Firing
from tests.bench.report import percentile

if TYPE_CHECKING:
    from tests.bench.detection.played import Played

__all__ = ["Found", "found_in", "happened", "scores"]

_AFTER_S = 600.0
_SOON_S = 60.0
# Until a window has ended, and its rows have come.
_WINDOW_S = 13.0
# Hard incidents (down, limits, timeouts, traffic stops), slow ones and those that show in quality only, and the others.
_SORTS: tuple[tuple[str, float, Callable[[Kind], bool]], ...] = (
    ("hard_90s", 90.0, lambda kind: kind.hard),
    ("steps_300s", 300.0, lambda kind: not kind.hard and not kind.slow),
    ("slow_7200s", 7_200.0, lambda kind: kind.slow),
)


@dataclass(frozen=True)
class Found:
    """What a rule set made of one incident."""

    kind: str
    delay_s: float | None
    """From its start to the first right alert; None: there was none."""
    rule: str
    """That alert's."""
    named: bool = False
    """That alert names the cause."""
    named_soon: bool = False
    """That one, or another within a minute."""
    knowable_s: float = 0.0
    """It cannot be known sooner."""

    @property
    def most_s(self) -> float:
        """In so much time it should be seen."""
        return next(most_s for _, most_s, belongs in _SORTS if belongs(KINDS[self.kind]))

    @property
    def in_time(self) -> bool:
        """Whether it was."""
        return self.delay_s is not None and self.delay_s <= self.most_s


def _touches(incident: Mapping[str, Any], firing: Firing) -> bool:
    """Whether the alert is about a series of the incident, at its time."""
    if not incident["start_s"] <= firing.at_s <= incident["end_s"] + firing.lookback_s + _AFTER_S:
        return False
    return (
        any(
            firing.labels.items() <= labels.items()
            for series in incident["series"].values()
            for labels in series
            if firing.labels.keys() <= labels.keys()
        )
        or not firing.labels
    )


def _names(incident: Mapping[str, Any], firing: Firing) -> bool:
    """Whether the alert says what the incident hits."""
    scope, labels = incident["scope"], firing.labels
    provider = scope.get("provider")
    # The models of a provider are named after it.
    return any(labels.get(key) == value for key, value in scope.items()) or (
        provider is not None and labels.get("model", "").startswith(f"{provider}-")
    )


def happened(truth: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The incidents that touched a call."""
    return [incident for incident in truth if incident["calls_before"]]


def found_in(truth: Iterable[Mapping[str, Any]], firings: Sequence[Firing]) -> list[Found]:
    """What was made of each incident that touched a call."""
    found = []
    for incident in happened(truth):
        right = [firing for firing in firings if firing.aggregate in incident["seen_in"] and _touches(incident, firing)]
        first = min(right, key=lambda firing: (firing.at_s, not firing.cause), default=None)
        delay = first.at_s - incident["start_s"] if first else None
        named = first is not None and _names(incident, first)
        soon = [each for each in right if first is not None and each.at_s <= first.at_s + _SOON_S]
        named_soon = any(_names(incident, each) for each in soon)
        after_s = incident.get("detectable_after_s")
        knowable_s = after_s + _WINDOW_S if after_s else 0.0
        found.append(Found(incident["kind"], delay, first.rule if first else "", named, named_soon, knowable_s))
    return found


def scores(played: Sequence[Played], rule_set: str, days: float) -> dict[str, Any]:
    """The figures of a rule set over all that was played: per kind, then false alarms."""
    found = [each for one in played for each in found_in(one.truth, one.firings[rule_set])]
    result: dict[str, Any] = {kind: _of_kind([each for each in found if each.kind == kind]) for kind in KINDS}
    false = [
        firing
        for one in played
        for firing in one.firings[rule_set]
        if not any(_touches(incident, firing) for incident in one.truth)
    ]
    seen = [each for each in found if each.delay_s is not None]
    series_days = days * sum(one.series[rule_set] for one in played) or 1.0
    pages = sum(firing.page for firing in false)
    result["false_pages_per_series_week"] = round(7 * pages / series_days, 4)
    result["false_warnings_per_series_day"] = round((len(false) - pages) / series_days, 4)
    result["within"] = _within(found)
    result["names_the_cause"] = _share([each.named for each in seen])
    result["names_the_cause_in_60s"] = _share([each.named_soon for each in seen])
    result["false_by_rule"] = dict(Counter(firing.rule for firing in false).most_common())
    return result


def _share(which: Sequence[bool]) -> float | None:
    return round(sum(which) / len(which), 4) if which else None


def _within(found: Sequence[Found]) -> dict[str, float]:
    """The share of incidents that is seen in the time that each sort of them has: of all, and of those that could be
    known by then; and how many of all those are."""
    shares = {}
    for name, most_s, belongs in _SORTS:
        own = [each for each in found if belongs(KINDS[each.kind])]
        knowable = [each for each in own if each.knowable_s <= most_s]
        for part, among in ((name, own), (f"{name}_knowable", knowable)):
            shares[part] = round(sum(each.in_time for each in among) / len(among), 4) if among else 0.0
        shares[f"{name}_knowable_share"] = round(len(knowable) / len(own), 4) if own else 0.0
    return shares


def _of_kind(found: Sequence[Found]) -> dict[str, Any]:
    delays = sorted(each.delay_s for each in found if each.delay_s is not None)
    seen = [each for each in found if each.delay_s is not None]
    return {
        "incidents": len(found),
        "detected": round(len(delays) / len(found), 4) if found else None,
        "delay_p50_s": round(percentile(delays, 0.5), 1) if delays else None,
        "delay_p90_s": round(percentile(delays, 0.9), 1) if delays else None,
        "names_the_cause": _share([each.named for each in seen]),
        "names_the_cause_in_60s": _share([each.named_soon for each in seen]),
        "told_by": dict(Counter(each.rule for each in found if each.rule).most_common(3)),
    }
