"""Fits the weights of the refusal heuristic and says how well they do: `python -m tests.bench.quality_refusal`.

The weights it prints are those of `callgauge_quality.refusal`. Every figure is cross-validated: weights are fitted on
some prompts and models, and judged on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from callgauge_quality.refusal import families_found
from callgauge_quality.refusal_phrases import COMPLYING, FAMILIES
from callgauge_quality.text import Text
from tests.bench.quality_data import Labelled, opinions, prompts_of, xstest
from tests.bench.report import report

__all__ = ["Scored", "cross_validated", "main", "scored"]

Floats = npt.NDArray[np.float64]
RIDGE = 1.0
#: What a row of LLMDrift weighs against one of XSTest.
DRIFT_WEIGHT = 0.1
_COLUMNS = [(family.name, part) for family in FAMILIES for part in ("head", "later")]
_SIGNS = np.array([-1.0 if name in COMPLYING else 1.0 for name, _ in _COLUMNS] + [0.0])


class Scored(NamedTuple):
    """How well refusals are told from answers."""

    rows: int
    refusals: int
    precision: float
    recall: float
    f1: float


def features(rows: Sequence[Labelled]) -> Floats:
    """A column for each family and place, and one of ones; shape (n, 2 families + 1)."""
    found = [families_found(Text(row.answer)) for row in rows]
    return np.array(
        [[*(float(f.get(name) is (part == "head")) for name, part in _COLUMNS), 1.0] for f in found], dtype=np.float64
    )


def fit(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Logistic regression with a ridge, no weight of which has the wrong sign: Newton's steps on those not at 0."""
    ridge = np.full(x.shape[1], RIDGE)
    ridge[-1] = 0.01
    b = np.zeros(x.shape[1])
    for _ in range(60):
        p = 1.0 / (1.0 + np.exp(-x @ b))
        gradient = x.T @ (weights * (p - y)) + ridge * b
        curve = (x * (weights * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        free = ~((_SIGNS != 0) & (_SIGNS * b <= 0) & (_SIGNS * gradient > 0))
        step = np.zeros(len(b))
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], gradient[free])
        after = np.where((_SIGNS != 0) & (_SIGNS * (b - step) < 0), 0.0, b - step)
        if np.abs(after - b).max() < 1e-7:
            break
        b = after
    return b


def scored(refused: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_]) -> Scored:
    """Precision, recall and F1 of what was said."""
    hits = int((said & refused).sum())
    precision, recall = hits / max(1, int(said.sum())), hits / max(1, int(refused.sum()))
    f1 = 2 * hits / max(1, int(said.sum() + refused.sum()))
    return Scored(len(refused), int(refused.sum()), precision, recall, f1)


def cross_validated() -> dict[str, Scored]:
    """XSTest: trained on other models *and* other prompts. LLMDrift: trained on other questions; and, to see what
    carries over, on XSTest alone."""
    tests, drift = xstest(), opinions()
    x, xd = features(tests), features(drift)
    y, yd = (np.array([row.refused for row in rows]) for rows in (tests, drift))
    folds, folds_d = np.array(prompts_of(tests)), np.array(prompts_of(drift))
    models, models_d = (np.array([row.model for row in rows]) for rows in (tests, drift))

    def fitted(mine: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_]) -> Floats:
        weights = np.concatenate([np.ones(int(mine.sum())), np.full(int(theirs.sum()), DRIFT_WEIGHT)])
        return fit(np.vstack([x[mine], xd[theirs]]), np.concatenate([y[mine], yd[theirs]]).astype(float), weights)

    said, said_d = np.zeros(len(y), bool), np.zeros(len(yd), bool)
    for fold in range(5):
        said_d[folds_d == fold] = xd[folds_d == fold] @ fitted(np.ones(len(y), bool), folds_d != fold) > 0
        for model in sorted(set(models)):
            test = (models == model) & (folds == fold)
            said[test] = x[test] @ fitted((models != model) & (folds != fold), folds_d != fold) > 0
    alone = xd @ fitted(np.ones(len(y), bool), np.zeros(len(yd), bool)) > 0
    return {
        "XSTest": scored(y, said),
        **{f"XSTest, {m}": scored(y[models == m], said[models == m]) for m in sorted(set(models))},
        "LLMDrift opinions": scored(yd, said_d),
        "LLMDrift opinions, weights of XSTest alone": scored(yd, alone),
        **{
            f"LLMDrift, {m}": scored(yd[models_d == m], said_d[models_d == m])
            for m in sorted(set(models_d)) if m == "gpt-4-0613"
        },
    }  # fmt: skip


def weights() -> dict[str, tuple[float, float]]:
    """The weights fitted on everything, and the bias as ("bias": (b, 0))."""
    tests, drift = xstest(), opinions()
    x = features([*tests, *drift])
    y = np.array([row.refused for row in (*tests, *drift)], dtype=float)
    b = fit(x, y, np.concatenate([np.ones(len(tests)), np.full(len(drift), DRIFT_WEIGHT)]))
    by_name = {family.name: (round(b[2 * i], 2), round(b[2 * i + 1], 2)) for i, family in enumerate(FAMILIES)}
    return {**by_name, "bias": (round(b[-1], 2), 0.0)}


def main() -> None:
    """Fit, judge and report."""
    for name, (head, later) in weights().items():
        print(f'    "{name}": Weight({head + 0.0}, {later + 0.0}),')
    rows = [{"data": name, **result._asdict()} for name, result in cross_validated().items()]
    report("quality_refusal", rows, title="Refusal, cross-validated")


if __name__ == "__main__":
    main()
