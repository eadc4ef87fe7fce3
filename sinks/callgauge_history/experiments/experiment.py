"""Asks the store for an experiment: two variants, their scores, and errors, cost and latency beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callgauge_history.comparing.beside import Beside, compare_calls
from callgauge_history.comparing.selection import Ask, Selection, score_values
from callgauge_history.experiments.decision import LEAST, Judgement, judge_scores
from callgauge_history.statistics.differences import Floats
from callgauge_history.statistics.proportions import ShareComparison

__all__ = ["Experiment", "ScoreResult", "Wanted", "experiment"]


@dataclass(frozen=True)
class Wanted:
    """What is compared.

    Attributes:
        a, b: values of the label.
        scores: name -> whether higher is better.
        chosen: of which calls.
        origin: who judged; "": all.
        label: variant, prompt_version, model, ...
        least: scores that each group needs.
        share_a: the share of traffic that A should get.
    """

    a: str
    b: str
    scores: Mapping[str, bool]
    chosen: Selection
    origin: str = ""
    label: str = "variant"
    least: int = LEAST
    alpha: float = 0.05
    share_a: float = 0.5


@dataclass(frozen=True)
class ScoreResult:
    """One score."""

    name: str
    higher_is_better: bool
    mean_a: float | None
    mean_b: float | None
    judgement: Judgement


@dataclass(frozen=True)
class Experiment:
    """What an experiment says by now. The sample ratio is that of the calls."""

    wanted: Wanted
    calls_a: int
    calls_b: int
    scores: tuple[ScoreResult, ...]
    errors: ShareComparison | None
    beside: tuple[Beside, ...]


def experiment(ask: Ask, wanted: Wanted) -> Experiment:
    """Compare two variants.

    Raises:
        StoreError: the store cannot be asked.
    """
    a, b = (wanted.chosen.narrowed(wanted.label, value) for value in (wanted.a, wanted.b))
    sizes, errors, beside = compare_calls(ask, a, b, wanted.alpha)
    scores = []
    for name, higher in wanted.scores.items():
        of_a, of_b = (score_values(ask, each, name, wanted.origin) for each in (a, b))
        judgement = judge_scores(
            of_a,
            of_b,
            higher_is_better=higher,
            least=wanted.least,
            alpha=wanted.alpha,
            sizes=sizes if all(sizes) else None,
            share_a=wanted.share_a,
        )
        scores.append(ScoreResult(name, higher, _mean(of_a), _mean(of_b), judgement))
    return Experiment(wanted, *sizes, tuple(scores), errors, beside)


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
