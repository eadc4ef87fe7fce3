"""Completeness: whether an answer does all that was asked for, as far as can be counted.

    answer_completeness = mean of    1 unless it is cut off
                                     min(1, parts answered / parts asked), where more than one was asked for
                                     1 unless it is empty

Parts asked: "N reasons|ways|steps ..." in the question, else its question marks or the items of its numbered list.
Parts answered: the items of a list in the answer, else its sentences.

Error on public data: whole answers against the same cut in their second third (HaluEval, those over 300 characters):
AUC .80. It counts; whether the parts are right it does not know.
"""

from __future__ import annotations

import re

from callgauge_quality.cut_off import is_cut_off
from callgauge_quality.text import Text

__all__ = ["answer_completeness", "parts_asked"]

_ITEM = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s", re.MULTILINE)
_NUMBERED = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_SO_MANY = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)}) (?:\w+ )?(?:reasons|ways|steps|examples|tips|ideas|points|items|questions|"
    r"facts|things|names|benefits|sentences|strategies|methods|types|uses|advantages|words|options)\b"
)
_MOST = 20


def parts_asked(question: Text) -> int:
    """How many parts a question has, at least 1."""
    if match := _SO_MANY.search(question.lower):
        number = match[1]
        return min(_MOST, max(1, _NUMBERS.get(number) or int(number)))
    return max(1, min(_MOST, max(question.raw.count("?"), len(_NUMBERED.findall(question.raw)))))


def answer_completeness(question: Text, answer: Text) -> float:
    """From 0 to 1.

    >>> answer_completeness(Text("Give me three reasons."), Text("1. It is small\\n2. It is fast\\n3. It is free"))
    1.0
    """
    if not answer.scan.n:
        return 0.0
    asked = parts_asked(question)
    whole = 0.0 if is_cut_off(answer) else 1.0
    if asked == 1:
        return (whole + 1.0) / 2
    answered = len(_ITEM.findall(answer.raw)) or answer.sentences
    return (whole + 1.0 + min(1.0, answered / asked)) / 3
