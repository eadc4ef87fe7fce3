"""Overall quality: the weighted mean of the heuristics of one answer, each turned so that 1 is good.

    quality = sum w_i g_i / sum w_i,    over the scores that the answer has
    g = s where high is good, 1 - min(1, s) where low is; refusal counts as low, hedging and sentiment do not count

The weights say what a team cares for: nothing here was fitted to what people find good. Watch how it changes, and look
at the parts when it does.
"""

from __future__ import annotations

from collections.abc import Mapping

from callgauge_quality.names import BY_TEXT

__all__ = ["DEFAULT_WEIGHTS", "overall", "parse_weights"]

DEFAULT_WEIGHTS = {
    "refusal": 2.0,
    "ungrounded": 1.0,
    "hallucination_markers": 0.5,
    "lexical_relevance": 1.0,
    "coherence": 1.0,
    "answer_completeness": 1.0,
    "unsafe_terms": 2.0,
    "format_valid": 2.0,
    "language_match": 1.0,
    "repetition": 1.0,
}
_LOW_IS_GOOD = {each.name for each in BY_TEXT if each.good == "low"} | {"refusal"}


def overall(scores: Mapping[str, float], weights: Mapping[str, float] = DEFAULT_WEIGHTS) -> float | None:
    """From 0 to 1; None: no score has a weight.

    >>> overall({"refusal": 0.0, "coherence": 0.5}, {"refusal": 1, "coherence": 1})
    0.75
    """
    total = mass = 0.0
    for name, weight in weights.items():
        if weight and (score := scores.get(name)) is not None:
            total += weight * (1.0 - min(1.0, score) if name in _LOW_IS_GOOD else min(1.0, score))
            mass += weight
    return total / mass if mass else None


def parse_weights(text: str) -> dict[str, float]:
    """The default weights with those changed that a setting names, as "refusal=3, coherence=0".

    Raises:
        ValueError: it cannot be understood; the message says what to write.
    """
    weights = dict(DEFAULT_WEIGHTS)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in weights:
            raise ValueError(f"{name!r} has no weight; there are {', '.join(DEFAULT_WEIGHTS)}")
        try:
            weight = float(value)
        except ValueError:
            weight = -1.0
        if not equals or not 0 <= weight <= 1_000:
            raise ValueError(f"{part!r}: write {name}= and a number from 0 to 1000")
        weights[name] = weight
    return weights
