"""Who judges a load: detect's engine by a rule set, or the baseline that has no rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from callgauge.groupings import GroupingSet
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.firing import Firing
from tests.bench.detection.three_sigma import ThreeSigma, note_labels

__all__ = ["BASELINES", "FIXED", "RULE_SETS", "THREE_SIGMA", "Judge", "Judging", "judge_of"]

FIXED, THREE_SIGMA = "fixed", "three_sigma"
BASELINES = (FIXED, THREE_SIGMA)
_HERE = Path(__file__)
#: Rule set -> its file; None: the default rules.
RULE_SETS: dict[str, Path | None] = {
    "default": None,
    FIXED: _HERE.with_name("fixed.yaml"),
    "learned": _HERE.with_name("learned.yaml"),
    "seeds": Path("seeds"),
}
# From the end of a window to the alert, besides the wait for rows: the out-of-orderness bound and a progress record a
# second. The engine's times are ends of windows.
_TOLD_AFTER_S = 3.0


class Judging(Protocol):
    """Takes a log; then it says what it told, and which series there were."""

    series: dict[int, dict[str, str]]

    @property
    def firings(self) -> list[Firing]: ...
    def take(self, offset: int, timestamp_ms: int, record: Any) -> None: ...


def judge_of(name: str, path: Path | None, groupings: tuple[GroupingSet, ...], days: float) -> Judging:
    """The judge of this name.

    Args:
        path: its rule file, None: the default rules; THREE_SIGMA has none.
        days: how long the load is.
    """
    return ThreeSigma(days) if name == THREE_SIGMA else Judge(bind(load_rules(path), groupings))


class Judge:
    """An engine, and what it told."""

    def __init__(self, rules: Sequence[Any]) -> None:
        self._engine = Engine(rules, source_timeout_ms=60_000, live_from=0, log="load/windows/0")
        self._groupings = {rule.grouping.name for rule in rules}
        self._causes = {rule.rule.name for rule in rules if rule.rule.role == "cause"}
        self._firings: list[Firing] = []
        self.series: dict[int, dict[str, str]] = {}
        self._paged: dict[str, str] = {}
        """Of each alert by fingerprint, the last episode that was a page."""

    @property
    def firings(self) -> list[Firing]:
        """What it told so far."""
        return self._firings

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
                    self._firings.append(firing)

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
