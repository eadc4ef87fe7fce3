"""Plays loads through detect's engine, once per rule set, and through the baseline that has no rules."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from callgauge.groupings import parse_groupings
from callgauge.settings import load_settings
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.rollup.config import RollupConfig
from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.firing import Firing
from tests.bench.detection.made_rows import rows_of
from tests.bench.detection.missed import shapes_of
from tests.bench.detection.plan import START_S, Size, load_of, seed_of
from tests.bench.detection.side_by_side import batches_of, joined
from tests.bench.detection.three_sigma import ThreeSigma, note_labels

__all__ = ["FIXED", "RULE_SETS", "THREE_SIGMA", "Judge", "Played", "play"]

FIXED, THREE_SIGMA = "fixed", "three_sigma"
_HERE = Path(__file__)
#: Rule set -> its file; None: the default rules.
RULE_SETS: dict[str, Path | None] = {
    "default": None,
    "seeds": Path("seeds"),
    "learned": _HERE.with_name("learned.yaml"),
    FIXED: _HERE.with_name("fixed.yaml"),
}
# What the rules here go by: windows of other grouping sets would cost time, and of all loads together mean nothing.
_GROUPINGS = parse_groupings("model@10s service@10s")
# Rows come, and windows are judged, a minute at a time: in order, each as it would be at its end, but at a sixth of the
# cost. Calls of clocks that are behind by more than that come late, as live.
_STEP_MS = 60_000
# From the end of a window to the alert, besides the wait for rows: the out-of-orderness bound and a progress record a
# second. The engine's times are ends of windows.
_TOLD_AFTER_S = 3.0


@dataclass
class Played:
    """What one seed gave."""

    seed: int
    truth: list[dict[str, Any]]
    firings: dict[str, list[Firing]]
    """By rule set."""
    series: dict[str, int]
    """How many series each rule set judges."""
    services: dict[str, str] = field(default_factory=dict)
    """What the traffic of each is like."""
    seconds: float = 0.0
    """Wall-clock time, its share of all that were played with it."""
    calls: int = 0
    spent: dict[str, float] = field(default_factory=dict)
    """CPU seconds, by part; its share."""


def play(seeds: Sequence[int], size: Size, rule_sets: Mapping[str, Path | None], *, tell: bool = False) -> list[Played]:
    """Play the loads of these seeds, side by side.

    Args:
        tell: say on stderr how far it is, after each simulated day.
    """
    began, config = time.monotonic(), replace(RollupConfig.of(load_settings()), groupings=_GROUPINGS)
    loads = [load_of(seed, size, config.groupings) for seed in seeds]
    plays, worlds = [load.play() for load in loads], [load.world for load in loads]
    log = rows_of(batches_of(plays, worlds), joined(worlds), config, scores=False, step_ms=_STEP_MS)
    judges = {name: Judge(bind(load_rules(path), config.groupings)) for name, path in rule_sets.items()}
    sigma = ThreeSigma(size.days)
    if tell:
        log = _telling(log, size.days, len(seeds))
    spent = _run(log, judges, sigma, (START_S + size.days * 86_400) * 1e3)
    mark = time.process_time()
    told = {name: judge.firings for name, judge in judges.items()} | {THREE_SIGMA: sigma.firings()}
    spent[THREE_SIGMA] += time.process_time() - mark
    series = {name: judge.series.values() for name, judge in judges.items()} | {THREE_SIGMA: sigma.labels.values()}
    firings = {name: _by_seed(each.labels for each in found) for name, found in told.items()}
    counts = {name: _by_seed(labels) for name, labels in series.items()}
    share = 1 / len(seeds)
    return [
        Played(
            seed=seed,
            truth=play.truth(),
            firings={name: [told[name][at] for at in firings[name][seed]] for name in told},
            series={name: len(counts[name][seed]) for name in counts},
            services=shapes_of(one.world),
            seconds=(time.monotonic() - began) * share,
            calls=round(sigma.calls * share),
            spent={part: seconds * share for part, seconds in spent.items()},
        )
        for seed, one, play in zip(seeds, loads, plays, strict=True)
    ]


def _run(
    log: Iterator[tuple[int, Any]], judges: Mapping[str, Judge], sigma: ThreeSigma, end_ms: float
) -> dict[str, float]:
    """Let all judge the log up to the end of the load, where calls stop to begin; returns the CPU seconds of each, and
    of making the log."""
    spent = dict.fromkeys(["made", *judges, THREE_SIGMA], 0.0)
    mark = time.process_time()
    for offset, (timestamp_ms, record) in enumerate(log):
        if timestamp_ms > end_ms:
            break
        now = time.process_time()
        spent["made"] += now - mark
        for name, judge in judges.items():
            mark = now
            judge.take(offset, timestamp_ms, record)
            now = time.process_time()
            spent[name] += now - mark
        if isinstance(record, RowBatch):
            sigma.take(record)
        mark = time.process_time()
        spent[THREE_SIGMA] += mark - now
    return spent


def _telling(log: Iterator[tuple[int, Any]], days: float, seeds: int) -> Iterator[tuple[int, Any]]:
    began_s, day = time.monotonic(), 0
    for timestamp_ms, record in log:
        passed = int((timestamp_ms / 1e3 - START_S) // 86_400)
        if passed > day:
            day, taken_s = passed, time.monotonic() - began_s
            left_s = taken_s * (days / day - 1)
            print(f"{seeds} seeds: day {day} of {days:g} after {taken_s:,.0f} s, {left_s:,.0f} s left", file=sys.stderr)
        yield timestamp_ms, record


def _by_seed(labels: Iterable[Mapping[str, str]]) -> dict[int, list[int]]:
    """Places of what each seed's load has."""
    found: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(labels):
        found[seed_of(each)].append(at)
    return found


class Judge:
    """An engine, and what it told."""

    def __init__(self, rules: Sequence[Any]) -> None:
        self._engine = Engine(rules, source_timeout_ms=60_000, live_from=0, log="load/windows/0")
        self._groupings = {rule.grouping.name for rule in rules}
        self._causes = {rule.rule.name for rule in rules if rule.rule.role == "cause"}
        self.firings: list[Firing] = []
        self.series: dict[int, dict[str, str]] = {}
        self._paged: dict[str, str] = {}
        """Of each alert by fingerprint, the last episode that was a page."""

    def take(self, offset: int, timestamp_ms: int, record: Any) -> None:
        """Take the log's next record."""
        if isinstance(record, RowBatch) and record.grouping in self._groupings:
            note_labels(self.series, record)
        for alert in self._engine.take(offset, timestamp_ms, record):
            if alert.state == "firing" and alert.severity != "info":
                firing = self._firing(alert)
                paged = self._paged.get(alert.fingerprint) == alert.alert_id
                if firing.page and not paged:
                    self._paged[alert.fingerprint] = alert.alert_id
                # A warning that gets worse wakes somebody up, too.
                if alert.fired_at == alert.at or (firing.page and not paged):
                    self.firings.append(firing)

    def _firing(self, alert: Any) -> Firing:
        labels = {name: value for name, value in alert.labels.items() if name != "found"}
        return Firing(
            alert.rule,
            alert.aggregate,
            labels,
            alert.at + _TOLD_AFTER_S,
            alert.severity in ("critical", "error"),
            alert.lookback_s,
            alert.rule in self._causes,
        )
