"""Coherence: whether each sentence has to do with the one before: they share a content word, or are joined by a word.

    coherence = joined pairs of neighbouring sentences / pairs,    of the first 8 sentences

A sentence is joined that begins with a connective or a pronoun ("however", "this", "it"), is an item of a list, or
shares a content word with the sentence before. No score for fewer than 3 sentences.

Error on public data: told apart from answers whose sentences come in turn from two answers to different questions
(HaluEval, 3,125): AUC .74.
"""

from __future__ import annotations

import re

from callgauge_quality.stop_words import ENGLISH
from callgauge_quality.text import Text, words_only

__all__ = ["coherence"]

_END = re.compile(r"[.!?\n]\s*")
_ITEM_NUMBER = re.compile(r"\b\d\d?\Z")
_MOST = 8
_JOINING = (
    "however therefore thus hence moreover furthermore additionally also finally then next first second third instead "
    "but and or so because this that these those it they he she its their his her such there here overall in"
)
_JOINS = frozenset(_JOINING.split())


def coherence(answer: Text) -> float | None:
    """From 0 to 1; None: there are too few sentences.

    >>> coherence(Text("The pump failed. The pump was old. It had no spare."))
    1.0
    """
    sentences = list(filter(None, _sentences(answer.lower)))
    if len(sentences) < 3:
        return None
    # A sentence holds no line break, so all of them can be cleaned at once.
    words_of = [line.split() for line in words_only("\n".join(sentences), keep_lines=True).split("\n")]
    joined, before = 0, set[str]()
    for number, (sentence, words) in enumerate(zip(sentences, words_of, strict=True)):
        content = set(words) - ENGLISH
        if number:
            item = sentence[0] in "-*•" or sentence[0].isdigit()
            joined += item or (bool(words) and words[0] in _JOINS) or not content.isdisjoint(before)
        before = content
    return joined / (len(sentences) - 1)


def _sentences(text: str) -> list[str]:
    """The first sentences: they end at a line's end, or after a stop and white space, unless it numbers an item."""
    found, start, at = list[str](), 0, 0
    while len(found) < _MOST:
        match = _END.search(text, at)
        if match is None:
            found.append(text[start:])
            break
        at, end = match.span()
        if text[at] == "\n":
            found.append(text[start:at])
            while at < end and text[at] == "\n":
                at += 1
        elif end == at + 1 or (text[at] == "." and _ITEM_NUMBER.search(text, max(0, at - 3), at)):
            at += 1
            continue
        else:
            found.append(text[start : at + 1])
            at = end
        start = at
    return found
