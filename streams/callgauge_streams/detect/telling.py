"""Makes the message of a transition: the value, and the evidence for it."""

from __future__ import annotations

from callgauge.durations import written
from callgauge.schema import Alert
from callgauge_rules.alerts import Shown, alert_of
from callgauge_rules.lifecycle import State
from callgauge_streams.detect.history_span import ABSENT_MS
from callgauge_streams.detect.judging import Judging
from callgauge_streams.detect.series import Series
from callgauge_streams.detect.watermarks import Watermarks

__all__ = ["Telling"]

#: Of so many alerts that one record causes the picture is drawn. In a storm nobody looks at each.
_MOST_PICTURES = 50
_MOST_EVENTS = 5


class Telling:
    """See above.

    Args:
        log: the partition that is read.
    """

    def __init__(self, log: str, watermarks: Watermarks) -> None:
        self._log, self._watermarks = log, watermarks
        self._pictures = 0

    def begin(self) -> None:
        """The next record of the log is taken."""
        self._pictures = 0

    def alert(self, judging: Judging, series: Series, state: State, at_ms: int, reason: str) -> Alert:
        """The transition into `state`, which the window that ends at `at_ms` caused."""
        rule, held = judging.rule, judging.held(series.slot, at_ms) if judging.rule.composite else []
        position = held[0] if held else 0
        condition = rule.conditions[position]
        begin_ms, measure = series.cells.begin_ms(condition.lookback_ms, at_ms), condition.aggregate.measure
        totals = series.cells.totals(series.slot, begin_ms, at_ms, {measure})
        said = judging.verdict(series.slot, position)
        firing = state.phase == "firing"
        shows = Shown(
            condition=condition,
            reason=said.reason if said else "",
            baseline=said.baseline if said else None,
            score=said.score if said else None,
            points=self._points(judging, series.slot, position, at_ms) if firing else (),
            event_ids=series.cells.largest(series.slot, measure, begin_ms, at_ms, _MOST_EVENTS) if firing else (),
            heard=self._watermarks.heard(rule),
            held=tuple(rule.conditions[each].name for each in held),
        )
        if state.phase == "inactive" and judging.has_vanished(series.slot, at_ms):
            reason = reason or f"no calls for {written(rule.lookback_ms + ABSENT_MS)}: the series has vanished"
        value = condition.aggregate.of(totals)
        return alert_of(rule, series.labels, state, value, totals, reason=reason, log=self._log, shows=shows)

    def _points(self, judging: Judging, slot: int, position: int, at_ms: int) -> tuple[tuple[float, float], ...]:
        self._pictures += 1
        if self._pictures > _MOST_PICTURES:
            return ()
        return judging.points(slot, position, at_ms)
