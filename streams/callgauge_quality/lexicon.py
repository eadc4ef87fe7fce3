"""Phrases that are looked for in a text, in a few microseconds however many there are."""

from __future__ import annotations

from collections.abc import Iterable

from callgauge_quality.text import Text

__all__ = ["Lexicon"]


class Lexicon:
    """A set of words and phrases, in small letters.

    Only the phrases whose first word occurs in the text are looked for.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[str]] = {}
        for phrase in phrases:
            words = " ".join(phrase.split())
            self._by_first.setdefault(words.partition(" ")[0], []).append(f" {words} ")
        self._first = frozenset(self._by_first)

    def count(self, text: Text) -> int:
        """How often any of them occurs."""
        found = 0
        for first in self._first & text.word_set:
            for phrase in self._by_first[first]:
                found += text.joined.count(phrase)
        return found

    def found(self, text: Text) -> list[str]:
        """Those that occur, in the order of the alphabet."""
        hits = (p for first in self._first & text.word_set for p in self._by_first[first] if p in text.joined)
        return sorted(phrase.strip() for phrase in hits)
