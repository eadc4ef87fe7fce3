"""A review as sections of lines, of which text and page are made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from callgauge_history.review.facts import Facts, New, Sums
from callgauge_history.review.movers import Change, dearer, grew, slower, worse

__all__ = ["Section", "sections_of", "text_of"]


@dataclass(frozen=True)
class Section:
    """A title, and its lines; `nothing`: what to say if there are none."""

    title: str
    lines: tuple[str, ...]
    nothing: str = "nothing"


def sections_of(facts: Facts) -> list[Section]:
    """All sections, in the order in which they are read."""
    return [
        Section("In all", tuple(_totals(*facts.total)), "no calls"),
        Section("Grew", _lines(grew(facts))),
        Section("Slower", _lines(slower(facts))),
        Section("Dearer", _lines(dearer(facts))),
        Section("Worse", _lines(worse(facts))),
        Section("New", tuple(_new(each) for each in facts.new)),
        Section("Marks", tuple(f"{_day(mark.at_ms)} {mark.service or 'all'}: {mark.text}" for mark in facts.marks)),
        Section(
            "Alerts", tuple(f"{rule} ({severity}): {n}" for (rule, severity), n in facts.alerts.items()), "none fired"
        ),
    ]


def text_of(facts: Facts) -> str:
    """The review as plain text."""
    lines = [f"Week {facts.week.name}, from {_day(facts.week.start_ms)}, against the week before"]
    for section in sections_of(facts):
        lines += ["", section.title, *(f"  {line}" for line in section.lines or (section.nothing,))]
    return "\n".join(lines)


def _totals(before: Sums, now: Sums) -> list[str]:
    if not before.calls and not now.calls:
        return []
    rows = [
        ("calls", f"{before.calls:,}", f"{now.calls:,}", _times(before.calls, now.calls)),
        ("cost", f"${before.cost:,.2f}", f"${now.cost:,.2f}", _times(before.cost, now.cost)),
        ("tokens", f"{before.tokens:,}", f"{now.tokens:,}", _times(before.tokens, now.tokens)),
        ("error rate", *(f"{each.error_rate:.2%}" if each.calls else "-" for each in (before, now)), ""),
        ("latency p50", _ms(before.p50_ms), _ms(now.p50_ms), _times(before.p50_ms, now.p50_ms)),
        ("latency p95", _ms(before.p95_ms), _ms(now.p95_ms), _times(before.p95_ms, now.p95_ms)),
    ]
    return [f"{name}: {old} -> {new}{f' ({change})' if change else ''}" for name, old, new, change in rows]


def _lines(changes: list[Change]) -> tuple[str, ...]:
    return tuple(
        f"{each.whose}: {each.what} {_value(each.before, each.unit)} -> {_value(each.now, each.unit)}"
        f"{f' ({change})' if (change := _times(each.before, each.now)) else ''}"
        for each in changes
    )


def _new(new: New) -> str:
    return f"{new.kind} {new.name} of {new.service}: {new.calls:,} calls since {_day(new.since_ms)}"


def _value(value: float, unit: str) -> str:
    match unit:
        case "$":
            return f"${value:.6g}"
        case "%":
            return f"{value:.2%}"
        case "ms":
            return _ms(value)
    return f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value / 1000:,.3g} s" if value >= 1000 else f"{value:,.3g} ms"


def _times(before: float | None, now: float | None) -> str:
    return f"{now / before - 1:+.0%}" if before and now is not None else ""


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
