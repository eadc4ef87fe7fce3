"""One condition whose detector learns, over all series: each is fed with each window once, in order.

A window is judged and learned when the watermark passes its end. A row that comes later changes neither what was said
of its window nor what was learned of it: a detector that went back would have to forget what it has learned since.

- Z-scores, EWMAs, anytime rates and what is usual are updated of all series together, as columns
  (callgauge_detectors.vectorised, .anytime_rate, .usual_level, .usual_share, .usual_stop, .usual_sum); of the other
  detectors each series has its own.
- After a window that the rule holds for, windows are not learned until one is normal again, so that an incident does
  not become normal; but for no longer than `_LONGEST_PAUSE_MS`: what lasts longer is the new normal, and the alert must
  end some time. So what was learned follows from the windows alone, and not from what became of the alert.
- What was learned of a series can be taken out and put back (`learned_judging`, `learned_states`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from callgauge_detectors.anytime_rate import AnytimeRateConfig, AnytimeRates
from callgauge_detectors.ewma import EwmaConfig
from callgauge_detectors.usual_level import UsualLevelConfig, UsualLevels
from callgauge_detectors.usual_share import UsualShareConfig, UsualShares
from callgauge_detectors.usual_stop import UsualStopConfig, UsualStops
from callgauge_detectors.usual_sum import UsualSumConfig, UsualSums
from callgauge_detectors.vectorised import Ewmas, ZScores
from callgauge_detectors.verdict import LEVELS
from callgauge_detectors.zscore import ZScoreConfig
from callgauge_rules.bound import BoundCondition
from callgauge_streams.detect.cells import Cells
from callgauge_streams.detect.fed import Fed
from callgauge_streams.detect.picture import MOST_POINTS
from callgauge_streams.detect.pins import Pins
from callgauge_windows.grown import Grown

__all__ = ["Learning", "Said"]

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

_LONGEST_PAUSE_MS = 6 * 3_600_000


class Said(NamedTuple):
    """What a detector says of one series."""

    score: float
    baseline: float | None
    reason: str


class _Many(Protocol):
    """One detector over many series."""

    def room(self, series: int) -> None: ...
    @property
    def update_rows(self) -> Callable[..., Any]: ...
    def reason(self, row: int, value: float, score: float, baseline: float) -> str: ...
    def columns(self) -> dict[str, npt.NDArray[Any]]: ...
    def state(self, row: int) -> dict[str, Any]: ...
    def put(self, row: int, state: dict[str, Any] | None) -> None: ...


class Learning:
    """See the top of this file. Series are known by their slots."""

    def __init__(self, condition: BoundCondition, cells: Cells, pins: Pins) -> None:
        self.condition, self._pins = condition, pins
        self._fed = Fed(condition, cells)
        self._many = _many_of(condition)
        self._single: dict[int, Any] = {}
        self._room = 0
        self._reasons: dict[int, str] = {}
        self._levels, self._scores, self._baselines = Grown(dtype=np.int8), Grown(dtype=np.float64), Grown(dtype=float)
        self._points = Grown(MOST_POINTS, dtype=np.float64)
        """The newest values: that of the window that ends at t in column t / every modulo MOST_POINTS. Empty until the
        first value comes: of most series there are no scores."""
        self._odd_since_ms, self._last_ms = Grown(), Grown()
        """Of each slot: since when the condition holds, 0: it does not; and the window that it was fed with last."""
        self._fed_to_ms = 0

    def add(self, slot: int, state: dict[str, Any] | None) -> None:
        """A series is new, or comes back with what was learned of it."""
        self._levels.to(slot + 1)[slot] = 0
        self._scores.to(slot + 1)[slot] = 0.0
        self._baselines.to(slot + 1)[slot] = np.nan
        if len(self._points.filled):
            self._points.to(slot + 1)[slot] = np.nan
        self._odd_since_ms.to(slot + 1)[slot] = state["odd_since_ms"] if state else 0
        self._last_ms.to(slot + 1)[slot] = state["last_ms"] if state else 0
        self._restore(slot, state["detector"] if state else None)
        if state:
            self._levels.filled[slot], self._scores.filled[slot] = state["level"], state["score"]
            self._baselines.filled[slot] = _number(state["baseline"])
            if state["points"]:
                self.show()
                self._points.filled[slot] = [_number(value) for value in state["points"]]

    def drop(self, slot: int) -> None:
        """A series is forgotten."""
        self._levels.filled[slot] = 0
        self._reasons.pop(slot, None)
        self._single.pop(slot, None)

    def state(self, slot: int) -> dict[str, Any]:
        """What was learned of a series and said last."""
        return {
            "detector": self._many.state(slot) if self._many is not None else self.single(slot),
            "odd_since_ms": int(self._odd_since_ms.filled[slot]),
            "last_ms": int(self._last_ms.filled[slot]),
            "level": int(self._levels.filled[slot]),
            "score": float(self._scores.filled[slot]),
            "baseline": _given(float(self._baselines.filled[slot])),
            "points": [_given(value) for value in self._points.filled[slot : slot + 1].reshape(-1).tolist()],
        }

    def show(self) -> None:
        """Make room for the points of all series, unless it is there."""
        if not len(self._points.filled):
            self._points.to(len(self._levels.filled))[:] = np.nan

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned, a line for each slot; what the detectors of single series know is in `single`."""
        own = {
            "levels": self._levels, "scores": self._scores, "baselines": self._baselines, "points": self._points,
            "odd_since": self._odd_since_ms, "last": self._last_ms,
        }  # fmt: skip
        found = {name: each.filled for name, each in own.items()}
        of_many = self._many.columns() if self._many is not None else {}
        return found | {name: each[: len(self._levels.filled)] for name, each in of_many.items()}

    def single(self, slot: int) -> dict[str, Any] | None:
        """What the detector of one series knows; None: nothing, it was not fed yet."""
        return self._single[slot].snapshot() if slot in self._single else None

    def put_single_back(self, slot: int, state: dict[str, Any]) -> None:
        """See `single`."""
        self._single[slot] = self._detector().restore(state)

    def _detector(self) -> Any:
        return self.condition.kind.make(self.condition.config)

    def feed(self, slots: Int64s, at_ms: int) -> Bools:
        """Judge and learn the window that ends at `at_ms`, of these series; returns which of them had a value."""
        condition, values = self.condition, self._fed.values(slots, at_ms)
        since_ms = self._odd_since_ms.filled[slots]
        learn = (since_ms == 0) | (at_ms - since_ms > _LONGEST_PAUSE_MS)
        self._fed_to_ms = at_ms
        self._leave_out(slots, at_ms)
        known = ~np.isnan(values)
        if known.any():
            self.show()
        if len(self._points.filled):
            self._points.filled[slots, at_ms // condition.every_ms % MOST_POINTS] = values
        self._levels.filled[slots], self._scores.filled[slots], self._baselines.filled[slots] = 0, 0.0, np.nan
        self._reasons.clear()
        if self._many is not None:
            more = self._more(slots, at_ms)
            scores, levels, baselines = self._many.update_rows(slots, values, learn=learn, **more)
            for at in np.flatnonzero(levels).tolist():
                told = float(values[at]), float(scores[at]), float(baselines[at])
                self._reasons[int(slots[at])] = self._many.reason(int(slots[at]), *told)
            self._levels.filled[slots] = levels
            self._scores.filled[slots], self._baselines.filled[slots] = scores, baselines
        else:
            for at in np.flatnonzero(~np.isnan(values)).tolist():
                self._feed_one(int(slots[at]), at_ms, float(values[at]), learn=bool(learn[at]))
        odd = self.ranks(slots) > 0
        since_ms = np.where(odd, np.where(since_ms == 0, at_ms, since_ms), np.where(known, 0, since_ms))
        self._odd_since_ms.filled[slots] = since_ms
        return known

    def _more(self, slots: Int64s, at_ms: int) -> dict[str, Any]:
        """What else than values the detector of many wants to know."""
        match self._many:
            case UsualShares():
                return {"sizes": self._fed.sizes()}
            case AnytimeRates():
                pinned = self._pins.shares(slots, at_ms)
                return {"sizes": self._fed.sizes(), "at_ms": at_ms, "pinned": pinned}
            case UsualLevels() | UsualSums() | UsualStops():
                return {"at_ms": at_ms}
        return {}

    def _leave_out(self, slots: Int64s, at_ms: int) -> None:
        """Series that were forgotten for a while have no points of that time."""
        every_ms, last_ms = self.condition.every_ms, self._last_ms.filled[slots]
        for at in np.flatnonzero((last_ms > 0) & (last_ms < at_ms - every_ms)).tolist():
            missed = min((at_ms - int(last_ms[at])) // every_ms - 1, MOST_POINTS)
            columns = (at_ms // every_ms - np.arange(1, missed + 1)) % MOST_POINTS
            if len(self._points.filled):
                self._points.filled[slots[at], columns] = np.nan
        self._last_ms.filled[slots] = at_ms

    def _feed_one(self, slot: int, at_ms: int, value: float, *, learn: bool) -> None:
        given: Any = value
        more: dict[str, Any] = {}
        if self.condition.kind.feeds != "value":
            given, more = self._fed.counts(slot, at_ms, value)
        if self.condition.kind.name == "drift_distribution":
            more["pinned"] = self._pins.counts(slot, at_ms)
        if slot not in self._single:  # of most series there are no scores, and a detector takes kilobytes
            self._single[slot] = self._detector()
        verdict = self._single[slot].update(given, at_ms, learn=learn, **more)
        self._levels.filled[slot] = LEVELS.index(verdict.level)
        self._scores.filled[slot] = verdict.score
        self._baselines.filled[slot] = math.nan if verdict.baseline is None else verdict.baseline
        if verdict.reason:
            self._reasons[slot] = verdict.reason

    def ranks(self, slots: Int64s) -> Int8s:
        """To which rank the condition holds for each, as of the window that was fed last."""
        found: Int8s = self.condition.rank_of_level[self._levels.filled[slots]]
        return found

    def says(self, slots: Int64s) -> Bools:
        """Of which series something was said of the window that was fed last."""
        return self._levels.filled[slots] > 0

    def said(self, slot: int) -> Said:
        """Of the window that was fed last."""
        baseline = float(self._baselines.filled[slot])
        score = float(self._scores.filled[slot])
        return Said(score, None if math.isnan(baseline) else baseline, self._reasons.get(slot, ""))

    def points(self, slot: int) -> tuple[tuple[float, float], ...]:
        """The newest values, oldest first: epoch seconds and value."""
        every_ms = self.condition.every_ms
        if not len(self._points.filled):
            return ()
        ends_ms = [self._fed_to_ms - back * every_ms for back in range(MOST_POINTS - 1, -1, -1)]
        pairs = ((end_ms / 1000, self._points.filled[slot, end_ms // every_ms % MOST_POINTS]) for end_ms in ends_ms)
        return tuple((at, float(value)) for at, value in pairs if not math.isnan(value))

    def _restore(self, slot: int, state: dict[str, Any] | None) -> None:
        if self._many is not None:
            if slot >= self._room:
                self._room = max(64, slot + 1, 3 * self._room // 2)
                self._many.room(self._room)
            self._many.put(slot, state)
            return
        if state is not None:
            self.put_single_back(slot, state)


def _many_of(condition: BoundCondition) -> _Many | None:
    """The detector over many series, if there is such a form of it."""
    match condition.config:
        case ZScoreConfig() as config if not config.baseline.pinned:
            return ZScores(0, config)
        case EwmaConfig() as config:
            return Ewmas(0, config)
        case UsualLevelConfig() as config:
            return UsualLevels(0, config)
        case UsualShareConfig() as config:
            return UsualShares(0, config)
        case AnytimeRateConfig() as config:
            return AnytimeRates(0, config)
        case UsualSumConfig() as config:
            return UsualSums(0, config)
        case UsualStopConfig() as config:
            return UsualStops(0, config)
    return None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _given(value: float) -> float | None:
    return None if math.isnan(value) else value
