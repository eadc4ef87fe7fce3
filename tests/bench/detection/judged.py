"""Plays a load through detect's engine, once per rule set, and through the baseline that has no rules."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callgauge.settings import load_settings
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.rollup.config import RollupConfig
from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.firing import Firing
from tests.bench.detection.made_rows import rows_of
from tests.bench.detection.plan import Size, load_of
from tests.bench.detection.three_sigma import ThreeSigma

__all__ = ["FIXED", "RULE_SETS", "THREE_SIGMA", "Played", "play"]

FIXED, THREE_SIGMA = "fixed", "three_sigma"
#: Rule set -> its file; None: the default rules.
RULE_SETS: dict[str, Path | None] = {"default": None, FIXED: Path(__file__).with_name("fixed.yaml")}
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
    seconds: float = 0.0
    """Wall-clock time."""
    calls: int = 0
    spent: dict[str, float] = field(default_factory=dict)
    """CPU seconds, by part."""


def play(seed: int, size: Size, rule_sets: Mapping[str, Path | None]) -> Played:
    """Play the load of a seed."""
    settings, began = load_settings(), time.monotonic()
    config = RollupConfig.of(settings)
    load = load_of(seed, size, config.groupings)
    run, sigma = load.play(), ThreeSigma()
    judges = {name: _Judge(bind(load_rules(path), config.groupings)) for name, path in rule_sets.items()}
    spent = dict.fromkeys(["made", *judges, THREE_SIGMA], 0.0)
    calls, mark = 0, time.process_time()
    for offset, (timestamp_ms, record) in enumerate(rows_of(run, load.world, config)):
        spent["made"] += time.process_time() - mark
        for name, judge in judges.items():
            mark = time.process_time()
            judge.take(offset, timestamp_ms, record)
            spent[name] += time.process_time() - mark
        mark = time.process_time()
        if isinstance(record, RowBatch):
            sigma.take(record)
            calls += int(record.column("n").sum()) if record.grouping == "@10s" else 0
        spent[THREE_SIGMA] += time.process_time() - mark
        mark = time.process_time()
    firings = {name: judge.firings for name, judge in judges.items()} | {THREE_SIGMA: sigma.firings()}
    series = {name: len(judge.series) for name, judge in judges.items()} | {THREE_SIGMA: sigma.series}
    spent[THREE_SIGMA] += time.process_time() - mark
    return Played(seed, run.truth(), firings, series, time.monotonic() - began, calls, spent)


class _Judge:
    """An engine, and what it told."""

    def __init__(self, rules: Sequence[Any]) -> None:
        self._engine = Engine(rules, source_timeout_ms=60_000, live_from=0, log="load/windows/0")
        self._groupings = {rule.grouping.name for rule in rules}
        self.firings: list[Firing] = []
        self.series: set[int] = set()

    def take(self, offset: int, timestamp_ms: int, record: Any) -> None:
        if isinstance(record, RowBatch) and record.grouping in self._groupings:
            self.series.update(record.series_id.tolist())
        for alert in self._engine.take(offset, timestamp_ms, record):
            if alert.state == "firing" and alert.fired_at == alert.at:
                page = alert.severity in ("critical", "error")
                at_s = alert.at + _TOLD_AFTER_S
                if alert.severity != "info":
                    self.firings.append(Firing(alert.rule, alert.aggregate, alert.labels, at_s, page, alert.lookback_s))
