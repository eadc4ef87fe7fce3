"""Experiments on stored calls: what is decided, and what is told beside it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from callgauge_history.comparing.selection import Selection
from callgauge_history.experiments.decision import judge_scores
from callgauge_history.experiments.experiment import Wanted, experiment
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls, store_scores

SPAN = Selection(int(T0 * 1000), int(T0 * 1000) + 3_600_000, {"service": "chat"})


def values(mean: float, count: int, seed: int) -> Any:
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_groups_that_are_too_small_are_told_what_is_missing() -> None:
    """Whatever they show."""
    found = judge_scores(values(0, 499, 1), values(5, 120, 2))
    assert (found.outcome, found.missing_a, found.missing_b) == ("too_few", 1, 380)
    assert found.comparison is not None
    assert judge_scores(values(0, 1, 1), values(0, 900, 2)).comparison is None


def test_better_worse_and_no_difference() -> None:
    """By the confidence sequence, and by which direction is better."""
    a, better, same = values(0, 900, 3), values(0.4, 900, 4), values(0, 900, 5)
    assert judge_scores(a, better).outcome == "better"
    assert judge_scores(a, better, higher_is_better=False).outcome == "worse"
    assert judge_scores(better, a).outcome == "worse"
    assert judge_scores(a, same).outcome == "no_difference"


def test_a_wrong_split_is_not_trusted() -> None:
    """By the calls, of which some may have no score."""
    a, b = values(0, 900, 6), values(0.4, 900, 7)
    assert judge_scores(a, b, sizes=(5_000, 6_000)).outcome == "bad_ratio"
    assert judge_scores(a, b, sizes=(9_000, 1_000), share_a=0.9).outcome == "better"


@pytest.fixture
def stored(store: Store) -> Store:
    chosen = random.Random(8)
    calls: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for number in range(1_200):
        variant = "new" if number % 2 else "old"
        base = {"variant": variant, "service": "chat", "event_id": f"e{number}"}
        fails = chosen.random() < (0.2 if variant == "new" else 0.05)
        calls.append(base | {
            "end": T0 + number, "status": "error" if fails else "success", "output_tokens": 10,
            "cost_usd": 0.02 if variant == "new" else 0.01, "latency_ms": chosen.uniform(500, 900) + 200 * (number % 2),
        })  # fmt: skip
        value = chosen.choice([3, 4, 5] if variant == "new" else [2, 3, 4])
        labels = {"variant": variant}
        scores.append({"ts": T0 + number, "name": "helpful", "value": value, "origin": "judge", "labels": labels})
        scores.append({"ts": T0 + number, "name": "helpful", "value": 0, "origin": "user", "labels": labels})
    store_calls(store, [*calls, {"end": T0, "variant": "new", "service": "other"}])
    store_scores(store, scores)
    return store


def test_an_experiment_on_stored_calls(stored: Store) -> None:
    """Score, errors, cost and latency of both variants, of this service and origin."""
    wanted = Wanted("old", "new", {"helpful": True, "unheard": True}, SPAN, origin="judge")
    found = experiment(stored.query, wanted)
    helpful, unheard = found.scores
    assert (found.calls_a, found.calls_b) == (600, 600)
    assert helpful.judgement.outcome == "better"
    assert [helpful.mean_a, helpful.mean_b] == pytest.approx([3, 4], abs=0.1)
    assert helpful.judgement.comparison is not None
    assert helpful.judgement.comparison.shift == 1.0
    assert (unheard.judgement.outcome, unheard.judgement.missing_a) == ("too_few", 500)
    assert found.errors is not None
    assert found.errors.low > 0.08
    numbers = {each.name: each for each in found.beside}
    assert numbers["cost"].comparison.shift == pytest.approx(0.01)
    assert numbers["latency"].comparison.shift == pytest.approx(200, abs=15)
    assert set(numbers) == {"cost", "latency", "output tokens"}
