"""Aggregates of scores: `score.<name>.<part>`, or of one origin `score.<name>{origin=judge}.<part>`.

Scores are added up in millionths, and counted in the buckets of `callgauge_windows.signed`. A share below a limit is
counted by those: a value less than 2.2 % from the limit may be on either side of it, the limit itself is never below.
"""

from __future__ import annotations

import re
from typing import get_args

from callgauge.line_texts import shown
from callgauge.near_names import nearest
from callgauge.schema import BREAKER_OPEN, Score
from callgauge_rules.formulas import Percentile, Quotient
from callgauge_windows.signed import signed_key

__all__ = ["BREAKER", "SCORE_FORMS", "is_score", "origin_of_measure", "score_formula", "score_measures"]

#: The measure of changes of circuit breakers.
BREAKER = f"score.{BREAKER_OPEN}"
#: The forms of these names, and what they mean.
SCORE_FORMS = {
    "score.<name>.mean": "mean of a score",
    "score.<name>.p05": "a percentile of a score, any from p0 to p99.9",
    "score.<name>.rate_below_<x>, score.<name>.rate_above_<x>": "share of the scores below x, or above it: "
    "`score.faithfulness.rate_below_3.5`, `score.toxicity.rate_above_0`",
    "score.<name>.count": "how many scores there are",
    "score.<name>{origin=judge}.mean": "the same of scores of one origin: "
    + ", ".join(f"`{origin}`" for origin in get_args(Score.model_fields["origin"].annotation)),
}
_ORIGINS = get_args(Score.model_fields["origin"].annotation)
_NAME = re.compile(
    r"score\.(?P<name>[^{}]{1,128}?)(?:\{origin=(?P<origin>[^{}]*)\})?\.(?P<part>[a-z]+(?:_[a-z]+_.+)?|p[\d.]+)"
)
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d)?)")
_RATE = re.compile(r"rate_(below|above)_(-?\d{1,6}(?:\.\d{1,6})?)")
_PARTS = ("mean", "count", "p05", "p50", "p95", "rate_below_<x>", "rate_above_<x>")


def is_score(name: str) -> bool:
    """Whether a name is that of an aggregate of scores, right or wrong."""
    return name.startswith("score.")


def score_measures(name: str, origin: str) -> tuple[str, str]:
    """The measures that a score of this name and origin counts in."""
    return f"score.{name}", f"score.{name}{{origin={origin}}}"


def origin_of_measure(measure: str) -> tuple[str, str | None]:
    """The name of a score, and the origin (None: all), that a measure counts: the reverse of `score_measures`.

    >>> origin_of_measure("score.toxicity{origin=judge}"), origin_of_measure("score.toxicity")
    (('toxicity', 'judge'), ('toxicity', None))
    """
    name, brace, origin = measure.removeprefix("score.").partition("{origin=")
    return name, origin.removesuffix("}") if brace else None


def score_formula(text: str) -> tuple[str, Quotient | Percentile, str]:
    """The measure of an aggregate of scores, its formula and its unit.

    Raises:
        ValueError: there is no such aggregate.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise ValueError(f"{shown(text)} is no aggregate; of a score there are score.<name>.{', .'.join(_PARTS)}")
    name, origin, part = found["name"], found["origin"], found["part"]
    if origin is not None and origin not in _ORIGINS and name != BREAKER_OPEN:
        guess = nearest(origin, _ORIGINS)
        rest = f"did you mean {guess}?" if guess else f"there are {', '.join(_ORIGINS)}"
        raise ValueError(f"{shown(origin)} is no origin of a score; {rest}")
    of_all, of_origin = score_measures(name, origin or "")
    measure = of_all if origin is None else of_origin
    count, unit = f"{measure}.count", ""
    if part == "mean":
        return measure, Quotient(f"{measure}.sum", per=count, factor=1e-6), unit
    if part == "count":
        return measure, Quotient(count), unit
    if rank := _PERCENTILE.fullmatch(part):
        return measure, Percentile(measure, float(rank[1]) / 100, 1e-6, signed=True), unit
    if rate := _RATE.fullmatch(part):
        key = signed_key(round(float(rate[2]) * 1e6))
        if rate[1] == "below":
            return measure, Quotient(f"{measure}.at_most.{key - 1}", per=count), "%"
        return measure, Quotient(f"{measure}.at_most.{key}", per=count, factor=-1.0, offset=1.0), "%"
    guess = nearest(part, ["mean", "count", "p05", "p50", "p95"])
    rest = f"did you mean {text.removesuffix(part)}{guess}?" if guess else f"there are .{', .'.join(_PARTS)}"
    raise ValueError(f"{shown(text)} is no aggregate; {rest}")
