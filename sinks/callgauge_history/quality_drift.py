"""What has moved between a baseline and later answers: by how much, and whether chance explains it. Pure.

    refusal                 share of answers, moved by 0.1 or more
    hallucination_markers   share of answers with any, moved by 0.15 or more
    length                  mean output tokens, moved by 30 % or more, and their distribution by PSI

and each only if chance is `LEAST_SIGMA` away (two proportions: callgauge_detectors.drift_rate; PSI:
callgauge_detectors.drift_distribution), with `LEAST_N` answers on both sides.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from callgauge.schema import Baseline
from callgauge_detectors.counts import ZERO
from callgauge_detectors.drift_distribution import compared
from callgauge_detectors.drift_rate import proportions_z

__all__ = ["LEAST_N", "LEAST_SIGMA", "SHARES", "Moved", "drift_of"]

#: Score -> change of its share that counts.
SHARES = {"refusal": 0.1, "hallucination_markers": 0.15}
_LENGTH = 0.3
LEAST_SIGMA = 4.0
LEAST_N = 50


class Moved(NamedTuple):
    """One thing that was compared.

    Attributes:
        before, now: shares, or mean tokens; None: not known.
        n_before, n_now: answers that they are of.
        sigma: how far chance is from explaining the change.
        moved: it changed by what counts, and not by chance.
        note: why nothing can be said; "" where it can.
    """

    what: str
    before: float | None
    now: float | None
    n_before: int
    n_now: int
    sigma: float
    moved: bool
    note: str = ""


def drift_of(before: Baseline, now: Baseline) -> list[Moved]:
    """Each thing, moved or not."""
    return [*(_share(name, least, before, now) for name, least in SHARES.items()), _length(before, now)]


def _share(name: str, least: float, before: Baseline, now: Baseline) -> Moved:
    first, second = before.shares.get(name), now.shares.get(name)
    n0, n1 = (share.n if share else 0 for share in (first, second))
    if first is None or second is None or min(n0, n1) < LEAST_N:
        return Moved(name, None, None, n0, n1, 0.0, False, f"fewer than {LEAST_N} scores on one side")
    sigma = abs(proportions_z(first.above_zero, n0, second.above_zero, n1))
    p0, p1 = first.above_zero / n0, second.above_zero / n1
    changed = abs(p1 - p0) >= least - 1e-12
    return Moved(name, p0, p1, n0, n1, sigma, changed and sigma >= LEAST_SIGMA)


def _length(before: Baseline, now: Baseline) -> Moved:
    if min(before.calls, now.calls) < LEAST_N or not before.mean_tokens:
        note = f"fewer than {LEAST_N} calls with output tokens on one side"
        return Moved("length", None, None, before.calls, now.calls, 0.0, False, note)
    ratio = now.mean_tokens / before.mean_tokens
    _, sigma = compared(_counts(before), _counts(now))
    sigma = max(0.0, sigma)
    moved = abs(ratio - 1.0) >= _LENGTH - 1e-12 and sigma >= LEAST_SIGMA
    return Moved("length", before.mean_tokens, now.mean_tokens, before.calls, now.calls, sigma, moved)


def _counts(baseline: Baseline) -> Counter[int]:
    return Counter({ZERO if key == "zero" else int(key): count for key, count in baseline.tokens.items()})
