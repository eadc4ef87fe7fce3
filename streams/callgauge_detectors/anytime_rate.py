"""Anytime rate: a share of calls (refusals, answers with markers) has changed, however often one looks.

A test of two proportions that is repeated every minute is right once and wrong all day: at its "5 %" chance passes it
on most days. Here a comparison begins with every block of `block_ms`, and each is judged at every look by

    E = m(k0, n0) m(k1, n1) / (p^K (1 - p)^(N - K)),    K = k0 + k1,  N = n0 + n1,  p = K / N
    m(k, n) = B(k + ½, n - k + ½) / B(½, ½)             Krichevsky and Trofimov's mixture of all shares

k0 of n0 is the reference as it was when the comparison began: a pinned baseline where one is in force, else the blocks
before. k1 of n1 is all that came since. If both have one share, whichever, then E is at most a martingale that begins
at 1, since p is the share that explains them best; so E ever reaches 1/a with chance a at most (Ville), whenever and
however often one looks. With s comparisons a day,

    score = ±z with P(|Z| > z) = min(1, s / E)          of the comparison with the largest E

so a tier of 4 σ is passed by chance on one day of 15,787 of a series, not once in so many looks. That holds for calls
that are independent; sessions and topics that come in runs vary by more, which is what `least_change` is for.
Nothing is said unless the share has changed by `least_change`, and still has in the newest comparison with enough
calls: so what is over is over soon.

Parameters
    least_change       share, e.g. 0.1: ten answers in a hundred.
    min_count          calls of the reference, and since, below which nothing is judged.
    block_ms           a comparison begins with each block.
    reach, reference   blocks since which comparisons are kept, and blocks before each that it is compared with.
    least_blocks       blocks below which there is no reference (a pinned one needs none).
    direction, tiers   as in callgauge_detectors.zscore.
    window_ms          how often it is fed.

Warm-up: least_blocks blocks. Memory 5 numbers a comparison, 2 a block: 1.4 KB. Cost about 5 µs in `AnytimeRates`.

>>> detector = AnytimeRate(AnytimeRateConfig())
>>> for k in range(30): _ = detector.update(share_of(2, 100), 60_000 * k)
>>> detector.update(share_of(60, 100), 1_800_000).level
'critical'

Sources: Ville, 1939; Robbins, Ann. Math. Stat. 41 (1970) 1397 (mixtures); Krichevsky, Trofimov, IEEE Trans. Inf. Theory
27 (1981) 199; Wasserman, Ramdas, Balakrishnan, PNAS 117 (2020) 16880 (the likeliest null); Turner, Ly, Gruenwald, J.
Stat. Plan. Inference 230 (2024) 106116 (two proportions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.counts import share_of
from callgauge_detectors.hourly import DAY_MS
from callgauge_detectors.one_of_many import OneOfMany
from callgauge_detectors.tails import z_of_p
from callgauge_detectors.tiers import Direction, Tiers
from callgauge_detectors.vectorised import levels_of
from callgauge_detectors.verdict import NORMAL, Counts, Verdict
from callgauge_windows.compiled import compiled

__all__ = ["NO_BASELINES", "AnytimeRate", "AnytimeRateConfig", "AnytimeRates", "log_e", "share_of"]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_DIRECTIONS: dict[Direction, int] = {"both": 0, "above": 1, "below": -1}
#: No baseline is in force: its number, and its counts.
NO_BASELINES = np.zeros((1, 3), dtype=np.int64)
# Columns of a comparison, and of what is kept of a series besides.
_SINCE, _K0, _N0, _K1, _N1 = range(5)
_BLOCK, _K, _N, _BEGUN, _BLOCKS, _PINNED = range(6)


@dataclass(frozen=True, slots=True)
class AnytimeRateConfig:
    """See the top of the file."""

    least_change: float = 0.05
    min_count: int = 20
    block_ms: int = 300_000
    reach: int = 24
    reference: int = 24
    least_blocks: int = 4
    direction: Direction = "both"
    tiers: Tiers = field(default_factory=Tiers)
    window_ms: int = 60_000


@compiled
def log_e(k0: int, n0: int, k1: int, n1: int) -> float:
    """ln E, see the top of the file."""
    k, n = k0 + k1, n0 + n1
    mixtures = -2.0 * math.log(math.pi)
    mixtures += math.lgamma(k0 + 0.5) + math.lgamma(n0 - k0 + 0.5) - math.lgamma(n0 + 1.0)
    mixtures += math.lgamma(k1 + 0.5) + math.lgamma(n1 - k1 + 0.5) - math.lgamma(n1 + 1.0)
    likeliest = 0.0
    if 0 < k < n:
        likeliest = k * math.log(k / n) + (n - k) * math.log((n - k) / n)
    return mixtures - likeliest


class AnytimeRates:
    """Of many series; see the top of the file."""

    def __init__(self, series: int, config: AnytimeRateConfig) -> None:
        self.config = config
        self._per_day = max(1.0, DAY_MS / config.block_ms)
        self._kept = self._empty(series)

    def _empty(self, series: int) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """Comparisons, blocks of the reference, the rest, and what was told last."""
        shapes = (self.config.reach, 5), (self.config.reference, 2), (6,), (4,)
        comparisons, blocks, rest, told = (np.zeros((series, *shape), dtype=np.int64) for shape in shapes)
        rest[:, _BLOCK] = -1
        return comparisons, blocks, rest, told

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no past."""
        if (more := series - len(self._kept[0])) > 0:
            both = zip(self._kept, self._empty(more), strict=True)
            comparisons, blocks, rest, told = (np.concatenate(each) for each in both)
            self._kept = comparisons, blocks, rest, told

    def update_rows(
        self,
        rows: Int64s,
        values: Floats,
        *,
        sizes: Floats,
        at_ms: int,
        learn: Any = True,
        pinned: Int64s = NO_BASELINES,
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """Judge the newest share of each of these series, then learn those with `learn`.

        Args:
            values: shares, NaN where there is none.
            sizes: of how many calls each is a share.
            at_ms: the end of the window.
            pinned: of each, which baseline is in force (a number, 0: none is), and its k0 and n0; shape (n, 3).

        Returns:
            scores, levels, and the share that each is compared with.
        """
        config, finite = self.config, np.isfinite(values) & (sizes > 0)
        block = (at_ms - config.window_ms) // config.block_ms
        n = np.where(finite, sizes, 0.0).astype(np.int64)
        k = np.round(np.where(finite, values, 0.0) * n).astype(np.int64)
        found = np.full((len(rows), 2), -np.inf)
        # Copies: one kind of array, so that it is compiled once.
        learns = np.array(np.broadcast_to(np.asarray(learn, dtype=np.bool_), len(rows)))
        baselines = np.array(np.broadcast_to(pinned, (len(rows), 3)))
        _look(
            *self._kept, rows, k, n, learns, baselines, at_ms, config.block_ms, block, config.min_count,
            config.least_blocks, config.least_change - 1e-12, _DIRECTIONS[config.direction], found,
        )  # fmt: skip
        evidence, reference = found[:, 0], np.where(np.isinf(found[:, 1]), np.nan, found[:, 1])
        scores = np.zeros(len(rows))
        for at in np.flatnonzero(evidence > math.log(self._per_day)).tolist():
            k0, n0, k1, n1 = self._kept[3][rows[at]].tolist()
            p = math.exp(math.log(self._per_day) - float(evidence[at]))
            scores[at] = math.copysign(z_of_p(p), k1 / n1 - k0 / n0)
        return scores, levels_of(scores, config.tiers, config.direction), reference

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """One line: the shares that are compared, and the score."""
        k0, n0, k1, n1 = self._kept[3][row].tolist()
        where = " when it was pinned" if self._kept[2][row, _PINNED] else ""
        text = f"{k1 / n1:.1%} of {n1:,} after {k0 / n0:.1%} of {n0:,}{where}, {abs(score):.1f} σ at any look of a day"
        return text.replace("%", " %")

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series: views, which may be written to."""
        names = "comparisons", "blocks", "rest", "told"
        return {
            name: each.reshape(len(each), math.prod(each.shape[1:]))
            for name, each in zip(names, self._kept, strict=True)
        }

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, JSON-able."""
        comparisons, blocks, rest, _ = (each[row] for each in self._kept)
        begun, filled = int(rest[_BEGUN]), int(rest[_BLOCKS])
        return {
            "comparisons": _in_order(comparisons, begun),
            "blocks": _in_order(blocks, filled),
            "rest": [int(rest[column]) for column in (_BLOCK, _K, _N, _PINNED)],
        }

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        for kept, empty in zip(self._kept, self._empty(1), strict=True):
            kept[row] = empty[0]
        if state is None:
            return
        comparisons, blocks, rest, _ = self._kept
        for ring, column, name in ((comparisons, _BEGUN, "comparisons"), (blocks, _BLOCKS, "blocks")):
            values = state[name]
            ring[row, : len(values)] = np.array(values, dtype=np.int64).reshape(len(values), ring.shape[2])
            rest[row, column] = len(values)
        rest[row, [_BLOCK, _K, _N, _PINNED]] = state["rest"]


def _in_order(ring: Int64s, count: int) -> list[list[int]]:
    """What a ring holds after `count` values, the oldest first."""
    size = len(ring)
    return [ring[at % size].tolist() for at in range(max(0, count - size), count)]


@compiled
def _look(
    comparisons: Any, blocks: Any, rest: Any, told: Any, rows: Any, ks: Any, ns: Any, learns: Any, pinned: Any,
    at_ms: int, block_ms: int, block: int, min_count: int, least_blocks: int, least_change: float, direction: int,
    found: Any,
) -> None:  # fmt: skip
    """Writes the largest ln E of each row and its reference's share to `found`, and its counts to `told`."""
    reach, size = comparisons.shape[1], blocks.shape[1]
    for place in range(len(rows)):
        row, k, n = rows[place], ks[place], ns[place]
        if n == 0:
            continue
        kept, ring, of = comparisons[row], blocks[row], rest[row]
        if pinned[place, 0] != of[_PINNED]:  # another baseline is in force: all comparisons begin anew
            of[_PINNED], of[_BEGUN] = pinned[place, 0], 0
            kept[:] = 0
            _close(ring, of, size)
            of[_BLOCK] = -1
        if block != of[_BLOCK]:
            _close(ring, of, size)
            _begin(kept, ring, of, pinned[place], block * block_ms, least_blocks)
            of[_BLOCK] = block
        if learns[place]:
            of[_K] += k
            of[_N] += n
        best, last = -np.inf, np.int64(-1)
        for at in range(max(0, of[_BEGUN] - reach), of[_BEGUN]):
            each = kept[at % reach]
            each[_K1] += k
            each[_N1] += n
            if each[_N0] > 0:
                found[place, 1] = each[_K0] / each[_N0]
            if each[_SINCE] <= at_ms - reach * block_ms or min(each[_N0], each[_N1]) < min_count:
                continue
            last = at % reach
            change = each[_K1] / each[_N1] - each[_K0] / each[_N0]
            if abs(change) < least_change or change * direction < 0:
                continue
            evidence = log_e(each[_K0], each[_N0], each[_K1], each[_N1])
            if evidence > best:
                best = evidence
                told[row, 0], told[row, 1], told[row, 2], told[row, 3] = each[_K0], each[_N0], each[_K1], each[_N1]
        if last >= 0 and best > -np.inf:
            now = kept[last]
            change = now[_K1] / now[_N1] - now[_K0] / now[_N0]
            before = told[row, 2] / told[row, 3] - told[row, 0] / told[row, 1]
            if abs(change) >= least_change and change * before > 0:
                found[place, 0] = best


@compiled
def _close(ring: Any, of: Any, size: int) -> None:
    """The block that was filled becomes part of the reference."""
    if of[_N] > 0:
        ring[of[_BLOCKS] % size, 0], ring[of[_BLOCKS] % size, 1] = of[_K], of[_N]
        of[_BLOCKS] += 1
    of[_K] = of[_N] = 0


@compiled
def _begin(kept: Any, ring: Any, of: Any, pinned: Any, since_ms: int, least_blocks: int) -> None:
    """Begin another comparison, if there is something to compare with."""
    k0, n0 = np.int64(0), np.int64(0)
    if pinned[0] > 0:
        k0, n0 = pinned[1], pinned[2]
    elif of[_BLOCKS] >= least_blocks:
        for at in range(min(of[_BLOCKS], len(ring))):
            k0 += ring[at, 0]
            n0 += ring[at, 1]
    if n0 == 0:
        return
    fresh = kept[of[_BEGUN] % len(kept)]
    fresh[_SINCE], fresh[_K0], fresh[_N0], fresh[_K1], fresh[_N1] = since_ms, k0, n0, 0, 0
    of[_BEGUN] += 1


class AnytimeRate(OneOfMany):
    """Of one series. Counts are `share_of(part, whole)`."""

    def __init__(self, config: AnytimeRateConfig) -> None:
        super().__init__(AnytimeRates(0, config))

    def update(self, counts: Counts | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the newest counts, then learn them."""
        whole = sum(counts.values()) if counts else 0
        if not counts or not whole:
            return NORMAL
        return self.judge(counts.get(1, 0) / whole, at_ms, learn=learn, sizes=float(whole))
