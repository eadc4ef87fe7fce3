"""Phrases that are looked for in a text, in a few microseconds however many there are."""

from __future__ import annotations

from collections.abc import Iterable

from callgauge_quality.text import Text
from callgauge_quality.word_scan import TOLD
from callgauge_quality.word_table import WORDS

__all__ = ["Lexicon"]


class Lexicon:
    """A set of words and phrases, in small letters.

    Only the phrases whose longest word occurs in the text are looked for.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_word: dict[str, list[str]] = {}
        for phrase in phrases:
            words = phrase.split()
            self._by_word.setdefault(max(words, key=len), []).append(f" {' '.join(words)} ")
        self._words = frozenset(self._by_word)
        WORDS.flag(self._words, TOLD)

    def count(self, text: Text) -> int:
        """How often any of them occurs."""
        hits = self._words & text.told
        return sum(text.joined.count(phrase) for word in hits for phrase in self._by_word[word]) if hits else 0

    def found(self, text: Text) -> list[str]:
        """Those that occur, in the order of the alphabet."""
        hits = (p for word in self._words & text.told for p in self._by_word[word] if p in text.joined)
        return sorted(phrase.strip() for phrase in hits)
