"""Language: which of some a text is written in, and whether an answer is in the language that was asked for.

    by script   Japanese, Chinese, Korean, Russian (Cyrillic), Arabic, Greek, Hebrew, Hindi: over 20 % of the letters
    by words    else the language whose commonest words (`stop_words`) are the largest share of the first 60 words

Parameters
    LEAST_SHARE     share of common words below which a text has no language (code, tables, names)
    LEAD            how far the best language must be ahead of the next

Fewer than 5 words, or 2 common ones, have no language. No labelled data is at hand: the tests hold a sentence of each
language. A language that is not here counts as none, or as a near relation (Galician as Portuguese).
"""

from __future__ import annotations

import re

from callgauge_quality.stop_words import LANGUAGES
from callgauge_quality.text import Text

__all__ = ["LEAD", "LEAST_ENGLISH", "LEAST_SHARE", "is_english", "language_of"]

LEAST_SHARE = 0.15
LEAD = 0.03
#: Share of common English words from which a text is English.
CLEARLY = 0.35
_WORDS, _CHARS = 60, 800
#: Share of common English words below which a text in no language that is known here is not English either.
LEAST_ENGLISH = 0.2
# Beyond Latin letters, but for punctuation and signs.
_BEYOND_LATIN = re.compile("[\u0370-\u1fff\u3040-\ud7ff]")
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)


def language_of(text: Text) -> str:
    """ISO 639-1 code; empty: it cannot be told.

    >>> language_of(Text("Der Dienst ist seit heute morgen nicht mehr zu erreichen."))
    'de'
    """
    if not text.raw.isascii():
        beginning = text.raw[:_CHARS]
        if _BEYOND_LATIN.search(beginning) and (script := _by_script(beginning)):
            return script
    words = min(text.scan.n, _WORDS)
    if words < 5:
        return ""
    spoken = text.scan.spoken
    if spoken & 255 >= CLEARLY * words:
        return "en"  # most are, and this saves the other languages
    shares = sorted(((spoken >> 8 * at & 255) / words, code) for at, code in enumerate(LANGUAGES))
    (second, _), (best, code) = shares[-2:]
    return code if best >= max(LEAST_SHARE, 2 / words) and best - second >= LEAD else ""


def is_english(answer: Text, language: str, question: Text) -> bool:
    """Whether heuristics that know English phrases only may say something of an answer.

    An answer whose language cannot be told (code, a table, a list of names) is taken for one to an English question, if
    the question is English. Where neither tells, `LEAST_ENGLISH` of the words of one of them must be common, or both be
    too short.

    Args:
        language: of the answer, as `language_of` has it.
    """
    if found := language or language_of(question):
        return found == "en"
    return all(each.scan.n < 5 for each in (answer, question)) or any(
        each.scan.spoken & 255 >= LEAST_ENGLISH * min(each.scan.n, _WORDS) > 0 for each in (answer, question)
    )


def _by_script(beginning: str) -> str:
    letters = sum(char.isalpha() for char in beginning)
    for code, script in _SCRIPTS:
        found = len(script.findall(beginning))
        if found >= 2 and found > 0.2 * letters:
            return code
    return ""
