"""Hedging: how often an answer says that it is not sure.

    hedging = hedges found per 100 words,   0 for an empty answer

A change of its mean says that a model speaks more or less surely. It does *not* say that answers are wrong: taken for a
sign of hallucination its AUC is .49 on HaluEval general (3,125 answers, human labels), .48 on HaluEval 2 and .51 on
FaithBench dev, where .5 is chance.
"""

from __future__ import annotations

from callgauge_quality.lexicon import Lexicon
from callgauge_quality.text import Text

__all__ = ["HEDGES", "hedging"]

HEDGES = (
    *("i think", "i believe", "i guess", "i suppose", "i assume", "i'm not sure", "i am not sure", "not certain"),
    *("probably", "possibly", "perhaps", "maybe", "presumably", "apparently", "seemingly", "arguably"),
    *("might be", "may be", "could be", "may have", "might have", "could have", "it seems", "it appears", "seems to"),
    *("appears to", "tends to", "to my knowledge", "as far as i know", "in my opinion", "it is possible", "likely"),
    *("it's possible", "it is unclear", "it's unclear", "not clear", "hard to say", "difficult to say", "unlikely"),
)
_LEXICON = Lexicon(HEDGES)


def hedging(answer: Text) -> float:
    """Hedges per 100 words.

    >>> hedging(Text("It is probably the cache."))
    20.0
    """
    return 100.0 * _LEXICON.count(answer) / answer.scan.n if answer.scan.n else 0.0
