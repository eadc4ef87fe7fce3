"""Kappa and rank correlation against figures that are known, and what is said of too little."""

from __future__ import annotations

import random

import pytest

from callgauge_quality.agreement import LEAST_PAIRS, agreement, cohens_kappa, rank_correlation


def test_kappa_of_a_textbook_table() -> None:
    """20 both good, 5 and 10 apart, 15 both bad: p_o .7, p_e .5, kappa .4."""
    judged = [True] * 25 + [False] * 25
    said = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    kappa = cohens_kappa(judged, said)
    assert kappa.value == pytest.approx(0.4)
    assert kappa.low == pytest.approx(0.4 - 1.96 * (0.7 * 0.3 / (50 * 0.25)) ** 0.5, abs=1e-3)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """95 of 100 samples of two normal variables of which the correlation is known, about."""
    chance, held = random.Random(1), 0
    for _ in range(200):
        pairs = [(x := chance.gauss(0, 1), 0.6 * x + 0.8 * chance.gauss(0, 1)) for _ in range(60)]
        found = rank_correlation([a for a, _ in pairs], [b for _, b in pairs])
        held += found.low <= 0.582 <= found.high  # Spearman's rho of two normal variables of Pearson's 0.6
    assert 180 <= held <= 199


def test_a_judge_that_agrees_can_be_trusted() -> None:
    """With a score of which less is better too; one that guesses cannot."""
    said = [float(n % 2) for n in range(100)]
    assert agreement([1.0 + 4 * value for value in said], said).verdict == "can be trusted"
    assert agreement([1 - value for value in said], said, lower_is_better=True).verdict == "can be trusted"
    guessed = random.Random(2)
    assert "not to be trusted" in agreement([guessed.choice([1.0, 5.0]) for _ in said], said).verdict


def test_too_little_says_nothing() -> None:
    """Few pairs, or a score that never varies."""
    few = [1.0, 0.0] * (LEAST_PAIRS // 2 - 1)
    assert agreement(few, few).kappa is None
    found = agreement([5.0] * 50, [1.0, 0.0] * 25)
    assert (found.pairs, found.kappa, found.correlation) == (50, None, None)
    assert found.verdict == "nothing can be said yet"
