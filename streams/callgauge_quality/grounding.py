"""Grounding: the share of the numbers and names in an answer that its source does not hold.

    ungrounded = |facts(answer) - words(source)| / |facts(answer)|
    facts: numbers of two digits or more, and words with a capital inside a sentence

The source is all of the prompt but the user's last question, or all of it where it is one text. No score for a source
of fewer than 20 words, or an answer without facts.

Error on public data (AUC; .5 is chance):
    HaluEval QA pairs (367 right and 734 made-up answers, with their knowledge): .70
    FaithBench dev (590 summaries with their sources, hard cases): .57
A name that is spelt otherwise than in the source counts as ungrounded, a fact put together wrongly of right names does
not.
"""

from __future__ import annotations

import re

from callgauge_quality.text import Text

__all__ = ["LEAST_SOURCE_WORDS", "facts", "ungrounded"]

LEAST_SOURCE_WORDS = 20
# Each begins with a class of characters, which is what a pattern is found by quickly; what must not stand before comes
# after. A name: not at the beginning of the text, a line, a sentence, an item, or in quotes or brackets; a number.
_FACT = re.compile(
    r"[A-Z\d](?:(?<=[A-Z])(?<![.!?:\n*#>-] [A-Z])(?<!\A[A-Z])(?<![\n\"“(][A-Z])(?<!\w[A-Z])[\w'-]*\w"
    r"|(?<=\d)(?<!\w\d)[\d,.]*\d\b)"
)
_STRIPPED = str.maketrans({",": None, ".": None})
_COMMON_WORDS = "i i'm i'll i'd i've the a an in on it this that he she they we you his her its"
_COMMON = frozenset(_COMMON_WORDS.split())


def facts(answer: str) -> frozenset[str]:
    """Numbers and names, in small letters, numbers without separators."""
    found = (fact.translate(_STRIPPED).lower().removesuffix("'s") for fact in _FACT.findall(answer))
    return frozenset(fact for fact in found if fact not in _COMMON)


def ungrounded(source: Text, answer: Text) -> float | None:
    """From 0 to 1; None: there is no source, or nothing to look for.

    >>> source = Text("The line from Bern to Thun was opened on 1 July 1859 by the Central Railway. " * 2)
    >>> ungrounded(source, Text("It opened in 1859, and runs from Bern to Basel."))
    0.3333333333333333
    """
    if len(source.words) < LEAST_SOURCE_WORDS:
        return None
    said = facts(answer.raw)
    if not said:
        return None
    known = source.lower.replace(",", "")
    return sum(fact not in known for fact in said) / len(said)
