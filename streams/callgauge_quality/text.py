"""A text taken apart once, for all heuristics: its words, sentences and opening."""

from __future__ import annotations

from functools import cached_property

__all__ = ["Text"]

#: Characters that a refusal is looked for in: it stands at the beginning of an answer.
OPENING = 600

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'"})
# Everything in ASCII that is no part of a word, and the quotes and dashes that models write.
_BREAKS = str.maketrans(dict.fromkeys('\t\n\r\x0b\x0c!"#$%&()*+,-./:;<=>?@[\\]^_{|}~“”„«»…—–•。、！？：；（）', " "))


class Text:
    """One prompt, answer or source.

    Attributes:
        raw: as it was given.
    """

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def lower(self) -> str:
        """In small letters, with straight apostrophes."""
        return self.raw.translate(_APOSTROPHES).lower() if not self.raw.isascii() else self.raw.lower()

    @cached_property
    def opening(self) -> str:
        """The beginning, in small letters, white space as single blanks."""
        return " ".join(self.lower[:OPENING].split())

    @cached_property
    def opening_words(self) -> frozenset[str]:
        """Each word of the opening once."""
        return frozenset(self.opening.translate(_BREAKS).split())

    @cached_property
    def words(self) -> list[str]:
        """Words in small letters, in order; "don't" is one."""
        return self.lower.translate(_BREAKS).split()

    @cached_property
    def word_set(self) -> frozenset[str]:
        """Each word once."""
        return frozenset(self.words)

    @cached_property
    def joined(self) -> str:
        """The words between single blanks, with one at both ends: a phrase is looked for as " so it stands "."""
        return f" {' '.join(self.words)} "

    @cached_property
    def sentences(self) -> int:
        """How many, by their ends and by lines; at least 1 where there are words."""
        ends = sum(self.lower.count(end) for end in (". ", "! ", "? ", ".\n", "。", "！", "？"))
        return max(ends + 1, self.lower.count("\n") // 2) if self.words else 0
