"""Whoever looks all the time is wrong as seldom as promised; with plain intervals far more often."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from callgauge_history.statistics.mann_whitney import delta_of
from callgauge_history.statistics.sample_ratio import SUSPECT, sample_ratio_p
from callgauge_history.statistics.sequence import best_rho_squared, radius

#: Looks at so many of each group: from 100, each a tenth later than the one before.
LOOKS = sorted({int(100 * 1.1**k) for k in range(36)})


def ever(sequence: bool, seed: int, rounds: int, shift: float = 0.0) -> float:
    """The share of runs in which the interval of delta leaves out 0, the truth without a shift, at some look."""
    rng = np.random.default_rng(seed)
    wrong = 0
    for _ in range(rounds):
        # Ratings from 1 to 5, as people and judges give them: many ties.
        a, b = (rng.integers(1, 6, LOOKS[-1]).astype(float) for _ in range(2))
        for n in LOOKS:
            delta, variance = delta_of(a[:n], b[:n] + shift)
            reach = radius(variance, 2 * n, best_at=1_000) if sequence else 1.96 * math.sqrt(variance)
            if abs(delta) > reach:
                wrong += 1
                break
    return wrong / rounds


def test_it_covers_at_all_looks_at_once() -> None:
    """At most 5 % of the runs are ever wrong, although each is looked at 36 times."""
    assert ever(True, 1, 200) <= 0.05


def test_a_plain_interval_does_not() -> None:
    """Why it is needed: of those who peek, several times 5 % are wrong."""
    assert ever(False, 2, 100) > 0.12


def test_a_difference_is_found() -> None:
    """It is wider, but not blind: half a point of five is seen in every run."""
    assert ever(True, 3, 20, shift=0.5) == 1.0


@pytest.mark.only_long
def test_it_covers_in_many_runs() -> None:
    """The same with 3,000 runs."""
    assert ever(True, 4, 3_000) <= 0.05


def test_it_is_tightest_where_it_was_asked_to_be() -> None:
    """Relative to a plain interval, at `best_at`; and it shrinks to nothing."""
    factors = {n: radius(1 / n, n, best_at=1_000) * math.sqrt(n) for n in (100, 500, 1_000, 2_000, 20_000)}
    assert min(factors, key=lambda n: factors[n]) == 1_000
    assert factors[1_000] < 1.7 * 1.96
    assert radius(1e-8, 10**8, best_at=1_000) < 1e-3
    assert best_rho_squared(1_000, 0.05) * 1_000 == pytest.approx(8.78, abs=0.01)


def test_a_wrong_split_is_seen_and_a_right_one_is_not() -> None:
    """At every tenth of 20,000 assignments, 200 times: the right split is suspected in one of a thousand at most."""
    rng = np.random.default_rng(5)
    looks = range(500, 20_001, 500)

    def suspected(share: float) -> float:
        to_a = np.cumsum(rng.random((200, 20_000)) < share, axis=1)
        return float(
            np.mean(
                [any(sample_ratio_p(int(row[n - 1]), n - int(row[n - 1])) < SUSPECT for n in looks) for row in to_a]
            )
        )

    assert suspected(0.5) <= 0.01
    assert suspected(0.47) > 0.95


def test_other_splits() -> None:
    """A tenth for B; and next to a plain test its p is the larger one, since it may be looked at always."""
    assert sample_ratio_p(9_000, 1_000, 0.9) > 0.5
    assert sample_ratio_p(9_000, 1_300, 0.9) < SUSPECT
    assert sample_ratio_p(5_200, 4_800) > float(stats.binomtest(5_200, 10_000).pvalue)
    assert sample_ratio_p(10**6, 10**5) == 0.0 or sample_ratio_p(10**6, 10**5) < 1e-300
