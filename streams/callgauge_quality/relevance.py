"""Lexical relevance: the share of the question's content words that the answer takes up.

    relevance = |stems(question) ∩ stems(answer)| / |stems(question)|,   without the commonest English words

Only the last message of the user is the question, of it the first 200 words. No score where it has no content word.

Error on public data: told apart from answers to another question (HaluEval, 3,125): AUC .93.
It sees words, not meaning: a right answer in one word ("Paris.") has relevance 0, so only its mean over many answers
of one kind says something, and its change most.
"""

from __future__ import annotations

from callgauge_quality.stop_words import ENGLISH, stem
from callgauge_quality.text import Text

__all__ = ["lexical_relevance"]

_WORDS = 200


def lexical_relevance(question: Text, answer: Text) -> float | None:
    """From 0 to 1; None: the question has no content word.

    >>> lexical_relevance(Text("How do I restart the gateway?"), Text("Restart a gateway with systemctl."))
    1.0
    """
    asked = set(map(stem, set(question.words[:_WORDS]) - ENGLISH))
    if not asked:
        return None
    joined = answer.joined
    # A stem of four letters or more is taken up by each word that begins with it.
    taken_up = sum((f" {each}" if len(each) >= 4 else f" {each} ") in joined for each in asked)
    return taken_up / len(asked)
