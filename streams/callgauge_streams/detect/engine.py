"""Detect's decisions: a deterministic state machine over one partition of the windows topic.

Everything, time included, comes from records of that log, so reading it again gives the same alerts. Records below
`live_from` have been decided before: they only rebuild the windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.schema import Alert
from callgauge_rules.baselines import Baselines
from callgauge_rules.bound import BoundCondition, BoundRule
from callgauge_rules.in_force import InForce
from callgauge_rules.rule import RESERVED
from callgauge_rules.score_aggregates import score_measures
from callgauge_streams.detect.admission import Admission
from callgauge_streams.detect.cap import SERIES_CAP, Cap
from callgauge_streams.detect.causes import Causes
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.deciding import WAIT_MS, Deciding
from callgauge_streams.detect.history_span import history_ms
from callgauge_streams.detect.judging import Judging
from callgauge_streams.detect.late import LATE_MS, Late
from callgauge_streams.detect.learned_judging import LearnedJudging
from callgauge_streams.detect.learned_states import LearnedState
from callgauge_streams.detect.losses import Losses
from callgauge_streams.detect.merge import Windows
from callgauge_streams.detect.overflows import Overflows
from callgauge_streams.detect.recounts import Recounts, places_of
from callgauge_streams.detect.rings import rings_of
from callgauge_streams.detect.score_batch import score_batch
from callgauge_streams.detect.series import Series
from callgauge_streams.detect.states import States
from callgauge_streams.detect.watermarks import Watermarks
from callgauge_windows.row_batch import RowBatch

__all__ = ["Engine"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Rows of windows further ahead of the log's clock come from clocks that are wrong, and would be kept for ever.
_AHEAD_MS = 3_600_000


class Engine:
    """Judges windows when the watermark passes their end.

    Args:
        rules: those that do not say when they are in force are always.
        log: the partition read, "cluster id/topic id/partition".
        live_from: the first offset not decided yet.
        current: the last transition of each alert.
        tells_losses: whether this engine raises `records_lost` and `too_many_series`. Starts and progress are sent to
            every partition, so one engine does.
        series_cap: so many series of a service are told apart in each grouping set.
        judges_late: whether rows of windows that are forgotten already are judged; see `late`.
        learned: what `take_states` gave before.
        whole: the log is read from its beginning, so no source of it is missing at first.
        baselines: those that are pinned; it may get more while the engine judges, of windows that have not ended.
    """

    def __init__(
        self,
        rules: Sequence[BoundRule | InForce],
        *,
        source_timeout_ms: int,
        live_from: int,
        current: Iterable[Alert] = (),
        log: str = "",
        tells_losses: bool = False,
        series_cap: int = SERIES_CAP,
        judges_late: bool = True,
        learned: Iterable[LearnedState] = (),
        whole: bool = False,
        baselines: Baselines | None = None,
    ) -> None:
        all_in_force = InForce.of(rules)
        self._baselines = baselines if baselines is not None else Baselines()
        bound = [each.rule for each in all_in_force]
        self._by_grouping: dict[str, list[BoundRule]] = {}
        for rule in bound:
            self._by_grouping.setdefault(rule.grouping.name, []).append(rule)
        self._log = log
        self._live_from = live_from
        self._keep_ms = {name: history_ms(of) for name, of in self._by_grouping.items()}
        self._cap = Cap(log.rpartition("/")[2], series_cap)
        current = list(current)
        self._states = States(
            (alert for alert in current if alert.rule not in RESERVED),
            log=log,
            rules=(rule.rule.name for rule in bound),
            cooldown_ms=max((rule.rule.cooldown for rule in bound), default=0),
        )
        self._admission = Admission(self._by_grouping, self._cap, self._states)
        self._windows = Windows(
            {name: Columns.of_rules(of) for name, of in self._by_grouping.items()},
            {name: {each.lookback_ms for each in _conditions(of)} for name, of in self._by_grouping.items()},
            {name: rings_of(of, of[0].grouping.window_ms) for name, of in self._by_grouping.items()},
            self._admission.admit,
        )
        self._scores = {
            name: frozenset(each.aggregate.measure for each in _conditions(of) if each.aggregate.of_scores)
            for name, of in self._by_grouping.items()
        }
        self._watermarks = Watermarks(source_timeout_ms, settled=whole)
        self._losses = Losses(log, live_from, current) if tells_losses else None
        self._overflows = Overflows(log, live_from, current) if tells_losses else None
        judgings = [self._judging(each) for each in all_in_force]
        self._learned = [judging for judging in judgings if isinstance(judging, LearnedJudging)]
        self._stale: list[str] = []
        """What was saved and nobody wants any more: of rules that were removed or changed, and of another log."""
        for state in learned:
            if not any(judging.restore(state, log) for judging in self._learned):
                self._stale.append(state.fingerprint)
            elif state.alert:
                self._states.restore(state.fingerprint, state.alert)
        self._deciding = Deciding(judgings, self._states, self._watermarks, log=log, live_from=live_from)
        self._recounts = Recounts()
        self._causes = Causes(current)
        self._forgotten_to = dict.fromkeys(self._by_grouping, 0)
        self._late_to = dict.fromkeys(self._by_grouping, 0)
        """What comes of windows that end by then comes late: no rule in force looks at them any more. Windows are kept
        as long as a rule that is not in force yet needs them."""
        self._late = self._late_of(all_in_force, series_cap) if judges_late else None
        self.left_out = 0
        """Rows that were left out: too old to be judged, or of windows in the future."""

    @property
    def folded(self) -> int:
        """Rows of series beyond the cap, which count under `__other__`."""
        return self._cap.rows

    def _judging(self, in_force: InForce) -> Judging:
        rule = in_force.rule
        kept = self._windows.kept(rule.grouping.name, rule.grouping.window_ms)
        return LearnedJudging(in_force, kept, self._log, self._baselines) if rule.learns else Judging(in_force, kept)

    @property
    def learned(self) -> list[LearnedJudging]:
        """The rules of which some detector learns, in force or not yet."""
        return [judging for judging in self._learned if not judging.over]

    def take_states(self) -> list[tuple[str, bytes | None]]:
        """What detectors have learned and must be saved now, by fingerprint; None: it is to be deleted. The alerts of
        all records so far must be on their topic before."""
        if self._deciding.offset < self._live_from:
            return []  # the windows are not as far yet as what was saved
        found: list[tuple[str, bytes | None]] = [(key, None) for key in self._stale]
        clock_ms, self._stale = self._watermarks.clock_ms, []
        for judging in self.learned:
            found += judging.take_states(clock_ms, self._states.of)
        return found

    def take(self, offset: int, timestamp_ms: int, record: Any) -> list[Alert]:
        """Take the log's next record; returns the transitions it causes."""
        self._watermarks.tick(timestamp_ms)
        self._deciding.begin(offset)
        return self._causes.suspect(list(self._taken(timestamp_ms, record)))

    def _taken(self, timestamp_ms: int, record: Any) -> Iterator[Alert]:
        match record.kind:
            case "rows" if record.grouping in self._by_grouping:
                yield from self._take_rows(self._in_time(record))
            case "row":
                yield from self._taken(timestamp_ms, RowBatch.of_rows([record]))
            case "score_row" if self._is_wanted(record):
                yield from self._take_rows(score_batch(record))
            case "epoch":
                if self._losses:
                    yield from self._losses.take(record, self._deciding.offset, timestamp_ms)
                yield from self._take_start(record)
            case "progress":
                yield from self._take_progress(record)
        # Nothing is done with rows that no rule is about, nor with summaries: what they count is in the rows, and when
        # a block may be folded is in the progress.

    def _is_wanted(self, row: Any) -> bool:
        """Whether some rule is about a row of scores."""
        return not self._scores.get(row.grouping, frozenset()).isdisjoint(score_measures(row.name, row.origin))

    def _take_rows(self, batch: RowBatch) -> Iterator[Alert]:
        ends_ms = batch.column("window_start_ms") + batch.window_ms
        fits = (self._late_to[batch.grouping] < ends_ms) & (ends_ms <= self._watermarks.clock_ms + _AHEAD_MS)
        self.left_out += len(batch) - int(fits.sum())
        changed = self._windows.put(batch, fits)
        if changed is None:
            return
        for series in changed.new:
            self._begin(series)
        if self._recounts.waits(batch.source):
            self._recounts.note(batch.source, places_of(changed))
            for judging in self._deciding.of(batch.grouping):
                judging.plan(changed.slots)
            return
        yield from self._deciding.changes(
            batch.grouping, changed.slots, changed.starts_ms, "a late row changed the window"
        )

    def _begin(self, series: Series) -> None:
        """A series is new."""
        series.fingerprints = self._admission.fingerprints(series.grouping, series.labels)
        self._states.judged(series.fingerprints.values())
        for judging in self._deciding.of(series.grouping):
            key = series.fingerprints.get(judging.name, "")
            judging.add(series, on=self._states.of(key).phase != "inactive")

    def _late_of(self, rules: Sequence[InForce], series_cap: int) -> Late | None:
        # What is missing cannot be told from late rows alone.
        # Scores have watermarks of their own, and what learns was fed with later windows already.
        judged = [each for each in rules if not (each.rule.judges_nothing or each.rule.of_scores or each.rule.learns)]
        if not judged:
            return None

        def make() -> Engine:
            return Engine(
                judged, source_timeout_ms=LATE_MS, live_from=0, log="", series_cap=series_cap, judges_late=False
            )

        return Late(make, history_ms([each.rule for each in judged]), self._log, self._live_from)

    def _in_time(self, batch: RowBatch) -> RowBatch:
        """The rows of a batch whose windows rules still look at; the others are judged late."""
        late = batch.column("window_start_ms") + batch.window_ms <= self._late_to[batch.grouping]
        # Rows of blocks that have ended come again when the past is aggregated anew: those windows were judged.
        if self._late is None or not late.any() or not self._windows.takes(batch):
            return batch
        self.left_out += self._late.take(batch.take(np.flatnonzero(late)), self._watermarks.clock_ms)
        return batch.take(np.flatnonzero(~late))

    def _take_start(self, start: Any) -> Iterator[Alert]:
        lost = [(series, start_ms) for series, starts_ms in self._windows.start(start) for start_ms in starts_ms]
        if lost:
            self._watermarks.begin_again(start.source)
            self._recounts.note(start.source, lost)
            yield from self._judge_recounted()

    def _judge_recounted(self) -> Iterator[Alert]:
        """Judge the windows anew whose sources are counted again, and have come as far as before."""
        done = self._recounts.take_done(self._watermarks.has_caught_up)
        known = [place for place in done if self._windows.knows(place[0])]
        reason = "rows became void and were counted again by other settings"
        for grouping, of in groupby(known, key=lambda each: each[0].grouping):
            places = np.array([(series.slot, start_ms) for series, start_ms in of], dtype=np.int64)
            yield from self._deciding.changes(grouping, places[:, 0], places[:, 1], reason)

    def _take_progress(self, progress: Any) -> Iterator[Alert]:
        self._watermarks.hear(progress)
        for source in progress.sources:
            self._windows.fold(source.source, source.committed)
        watermark_ms = self._watermarks.of_calls_ms
        yield from self._judge_recounted()
        yield from self._deciding.judge()
        self._forget(watermark_ms)
        yield from self._deciding.end_what_nothing_judges(watermark_ms)
        if self._late:
            yield from self._late.judge(self._deciding.offset, self._watermarks.clock_ms, self._deciding.is_on)
        if self._losses:
            yield from self._losses.end(self._deciding.offset, self._watermarks.clock_ms)
        yield from self._tell_overflows(progress)

    def _tell_overflows(self, progress: Any) -> Iterator[Alert]:
        own = self._cap.take_overflows()
        if self._overflows:
            # Rollup's come first, since they name the service.
            folded = [*(each for source in progress.sources for each in source.folding), *own]
            yield from self._overflows.take(folded, self._deciding.offset, self._watermarks.clock_ms)
            yield from self._overflows.end(self._deciding.offset, self._watermarks.clock_ms)

    def _forget(self, watermark_ms: int) -> None:
        """Drop windows that no rule will look at again, and put those together that only long lookbacks hold."""
        for grouping, keep_ms in self._keep_ms.items():
            in_force = self._deciding.in_force(grouping)
            judging_now = [judging.judged_to_ms for judging in in_force]
            judged_ms = max(min(judging_now, default=watermark_ms), watermark_ms - WAIT_MS)
            if judging_now:
                late_to_ms = judged_ms - self._deciding.keep_ms[grouping]
                self._late_to[grouping] = max(self._late_to[grouping], late_to_ms)
            self._forgotten_to[grouping] = max(self._forgotten_to[grouping], judged_ms - keep_ms)
            # One that is judged every five minutes holds nothing back: rings keep as much more for it.
            next_ms = min((judging.judged_to_ms + judging.width_ms for judging in in_force), default=watermark_ms)
            self._windows.coarsen(max(min(next_ms, watermark_ms), watermark_ms - WAIT_MS), grouping)
            for series in self._windows.forget(self._forgotten_to[grouping], grouping):
                for judging in self._deciding.of(grouping):
                    judging.drop(series)
                self._states.unjudged(series.fingerprints.values())
                if series.told_apart:
                    self._cap.release(grouping, series.labels)


def _conditions(rules: Iterable[BoundRule]) -> list[BoundCondition]:
    return [condition for rule in rules for condition in rule.conditions]
