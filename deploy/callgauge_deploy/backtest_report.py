"""What `callgauge rules test` prints."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import typer

from callgauge.printable import json_printable, printable
from callgauge_deploy.alert_rows import lasted, utc
from callgauge_deploy.results import print_rows
from callgauge_deploy.sparkline import sparkline
from callgauge_streams.detect.episodes import Episode, per_day

__all__ = ["Tested", "json_report", "print_report"]

_DAY_MS = 86_400_000
_MOST_PICTURES = 20


@dataclass(frozen=True)
class Tested:
    """What came of it. Times are epoch ms.

    Attributes:
        read_from_ms: windows were judged from here on, so that detectors know the series at `from_ms`.
        warm_from_ms: from here on they should have been read; it may not go back so far.
        rules: the names of those that were judged.
        left_out: of those that are judged elsewhere: by the other of `rules test` and `rules test --history`.
        source: where the windows come from.
        others: how those that are left out are tested.
        notes: what makes this test differ from what is judged live, a sentence each.
    """

    from_ms: int
    to_ms: int
    read_from_ms: int
    warm_from_ms: int
    rules: list[str]
    left_out: list[str]
    episodes: list[Episode]
    source: str = "the store"
    notes: tuple[str, ...] = ()
    others: str = "see --history"


def json_report(tested: Tested) -> str:
    """One object with everything."""
    found = {
        "from": utc(tested.from_ms / 1000),
        "to": utc(tested.to_ms / 1000),
        "read_from": utc(tested.read_from_ms / 1000),
        "warm": tested.read_from_ms <= tested.warm_from_ms,
        "left_out": tested.left_out,
        "notes": list(tested.notes),
        "rules": [_rule_row(name, tested) for name in tested.rules],
        "days": [
            {"day": day, "alerts": alerts, "pages": pages}
            for day, (alerts, pages) in per_day(tested.episodes, tested.from_ms / 1000, tested.to_ms / 1000).items()
        ],
        "episodes": [_json_episode(each, tested) for each in tested.episodes],
    }
    return json_printable(json.dumps(found, ensure_ascii=False))


def print_report(tested: Tested) -> None:
    """Tables and pictures for people."""
    for line in _head(tested):
        typer.echo(printable(line))
    if tested.episodes:
        typer.echo("")
        rows = [_episode_row(each, tested) for each in tested.episodes]
        print_rows(list(rows[0]), [list(row.values()) for row in rows])
        _print_pictures(tested)
    typer.echo("")
    rules = [_rule_row(name, tested) for name in tested.rules]
    print_rows(list(rules[0]), [list(row.values()) for row in rules])
    typer.echo("")
    days = per_day(tested.episodes, tested.from_ms / 1000, tested.to_ms / 1000)
    print_rows(["day", "alerts", "pages"], [[day, *counts] for day, counts in days.items()])
    fired = _fired(tested)
    pages = sum(each.pages for each in fired)
    typer.echo(
        f"alerts: {len(fired)} ({_rate(len(fired), tested)} a day), pages: {pages} ({_rate(pages, tested)} a day), "
        f"by {len(tested.rules)} rules"
    )


def _head(tested: Tested) -> Iterable[str]:
    read, wanted = tested.read_from_ms, tested.warm_from_ms
    yield (
        f"{utc(tested.from_ms / 1000)} to {utc(tested.to_ms / 1000)}; windows are read from {utc(read / 1000)} on, "
        f"{lasted((tested.from_ms - read) / 1000)} before, so that detectors know the series"
    )
    if read > wanted:
        yield (
            f"{tested.source} begins later than the rules look back ({utc(wanted / 1000)}): for the first "
            f"{lasted((read - wanted) / 1000)} detectors may know less than they did live"
        )
    if tested.left_out:
        yield f"not tested here ({tested.others}): {', '.join(tested.left_out)}"
    yield from tested.notes


def _fired(tested: Tested) -> list[Episode]:
    """Those that fired in the time asked for; others were firing when it began."""
    return [each for each in tested.episodes if each.fired_at * 1000 >= tested.from_ms]


def _rate(count: int, tested: Tested) -> float:
    return round(count * _DAY_MS / (tested.to_ms - tested.from_ms), 2)


def _rule_row(name: str, tested: Tested) -> Mapping[str, Any]:
    fired = [each for each in _fired(tested) if each.rule == name]
    pages = sum(each.pages for each in fired)
    per = {"alerts": len(fired), "alerts_per_day": _rate(len(fired), tested), "pages": pages}
    return {"rule": name, **per, "pages_per_day": _rate(pages, tested)}


def _episode_row(episode: Episode, tested: Tested) -> Mapping[str, Any]:
    before = " (before)" if episode.fired_at * 1000 < tested.from_ms else ""
    over = episode.resolved_at is not None
    until = episode.resolved_at if episode.resolved_at is not None else tested.to_ms / 1000
    return {
        "rule": episode.rule,
        "series": _labels(episode.labels),
        "severity": episode.severity,
        "fired": utc(episode.fired_at) + before,
        "resolved": utc(episode.resolved_at) if over else "still firing",
        "lasted": lasted(until - episode.fired_at),
        "worst": "" if episode.worst is None else f"{episode.aggregate} {episode.worst:.4g}",
        "flapped": "yes" if episode.flapping else "",
    }


def _json_episode(episode: Episode, tested: Tested) -> Mapping[str, Any]:
    return {
        "rule": episode.rule,
        "labels": dict(episode.labels),
        "severity": episode.severity,
        "starts_at": utc(episode.starts_at),
        "fired_at": utc(episode.fired_at),
        "resolved_at": None if episode.resolved_at is None else utc(episode.resolved_at),
        "fired_before_from": episode.fired_at * 1000 < tested.from_ms,
        "aggregate": episode.aggregate,
        "worst": episode.worst,
        "flapping": episode.flapping,
        "summary": episode.summary,
        "points": episode.points,
    }


def _labels(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items()) or "all calls"


def _print_pictures(tested: Tested) -> None:
    drawn = [each for each in tested.episodes if each.points]
    if not drawn:
        return
    typer.echo("\nF fired, R resolved; from 40 steps before to 10 after:")
    for episode in drawn[:_MOST_PICTURES]:
        marks = [(episode.fired_at, "F")]
        if episode.resolved_at is not None:
            marks.append((episode.resolved_at, "R"))
        values = [value for _, value in episode.points]
        span = f"{episode.aggregate} {min(values):.4g} to {max(values):.4g}"
        typer.echo("")
        typer.echo(printable(f"{episode.rule} {_labels(episode.labels)}: {span}, from {utc(episode.points[0][0])}"))
        for line in sparkline(episode.points, marks):
            typer.echo(f"  {line}".rstrip())
    if (more := Counter(each.rule for each in drawn[_MOST_PICTURES:])).total():
        rest = ", ".join(f"{count} of {rule}" for rule, count in more.items())
        typer.echo(printable(f"and {rest}, which --json has"))
