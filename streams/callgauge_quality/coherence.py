"""Coherence: whether each sentence has to do with the one before: they share a content word, or are joined by a word.

    coherence = joined pairs of neighbouring sentences / pairs,    of the first 8 sentences

A sentence is joined that begins with a connective or a pronoun ("however", "this", "it"), is an item of a list, or
shares a content word with the sentence before. No score for fewer than 3 sentences.

Error on public data: told apart from answers whose sentences come in turn from two answers to different questions
(HaluEval, 3,125): AUC .74.
"""

from __future__ import annotations

import re

from callgauge_quality.text import Text, words_only
from callgauge_quality.word_scan import JOINS, joined_sentences
from callgauge_quality.word_table import WORDS

__all__ = ["coherence"]

_END = re.compile(r"[.!?\n]\s*")
_ITEM_NUMBER = re.compile(r"\b\d\d?\Z")
_MOST = 8
_JOINING = (
    "however therefore thus hence moreover furthermore additionally also finally then next first second third instead "
    "but and or so because this that these those it they he she its their his her such there here overall in"
)
WORDS.flag(_JOINING.split(), JOINS)


def coherence(answer: Text) -> float | None:
    """From 0 to 1; None: there are too few sentences.

    >>> coherence(Text("The pump failed. The pump was old. It had no spare."))
    1.0
    """
    sentences = list(filter(None, _sentences(answer.lower)))
    if len(sentences) < 3:
        return None
    # A sentence holds no line break, so each can be a line.
    lines = "\n".join(sentences)
    data = words_only(lines, keep_lines=True)
    if not data.isascii():
        parts = data.decode("utf-8", "surrogatepass").split("\n")
        data = "\n".join(" ".join(part.split()) for part in parts).encode("utf-8", "surrogatepass")
    items = 0
    for at, each in enumerate(sentences):
        if each[0] in "-*•" or each[0].isdigit():
            items |= 1 << at
    joined = joined_sentences(data, *WORDS.arrays, items)
    return float(joined) / (len(sentences) - 1)


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
