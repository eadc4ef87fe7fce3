"""A text taken apart once, for all heuristics: its words, sentences and opening."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from callgauge_quality.word_scan import Scan
from callgauge_quality.word_table import WORDS

__all__ = ["OPENING", "Text", "once", "words_only"]

#: Characters that a refusal is looked for in: it stands at the beginning of an answer.
OPENING = 600

#: Signs beyond ASCII that stand between words; models write them.
_SIGNS = "“”„«»…—–•。、！？：；（）"
# Everything in ASCII that is no part of a word becomes a blank. On bytes, since that is ten times faster.
_BREAKS = bytes.maketrans(
    _ASCII := b'\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~', b" " * len(_ASCII)
)
_BREAKS_IN_LINES = bytes.maketrans(_KEPT := _ASCII.replace(b"\n", b""), b" " * len(_KEPT))


def words_only(lower: str, *, keep_lines: bool = False) -> bytes:
    """A text in small letters with blanks for all that is no part of a word, in UTF-8."""
    if not lower.isascii():
        for sign in _SIGNS:
            lower = lower.replace(sign, " ")
    breaks = _BREAKS_IN_LINES if keep_lines else _BREAKS
    return lower.encode("utf-8", "surrogatepass").translate(breaks)


def _text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


class _Once:
    """A property that is computed when it is first asked for. functools.cached_property takes a lock each time."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, text: Any, owner: type | None = None) -> Any:
        value = text.__dict__[self._name] = self._compute(text)
        return value


if TYPE_CHECKING:
    once = property
else:
    once = _Once


class Text:
    """One prompt, answer or source.

    Attributes:
        raw: as it was given.
    """

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @once
    def lower(self) -> str:
        """In small letters, with straight apostrophes."""
        raw = self.raw
        return raw.lower() if raw.isascii() else raw.replace("’", "'").replace("‘", "'").lower()

    @once
    def opening(self) -> str:
        """The beginning, in small letters, white space as single blanks."""
        opening = self.lower[:OPENING].replace("\n", " ").strip()
        if not (opening.isascii() and opening.isprintable()):
            return " ".join(opening.split())
        while "  " in opening:
            opening = opening.replace("  ", " ")
        return opening

    @once
    def blanked(self) -> bytes:
        """The words in small letters, in UTF-8, with one blank or more between them."""
        found = words_only(self.lower)
        # Other alphabets have blanks of their own.
        return found if found.isascii() else " ".join(_text_of(found).split()).encode("utf-8", "surrogatepass")

    @once
    def scan(self) -> Scan:
        """What is known of its words."""
        return WORDS.scan(self.blanked)

    @once
    def told(self) -> frozenset[str]:
        """The words that some lexicon looks for, and perhaps others."""
        found = self.scan.told
        return self.word_set if found is None else frozenset(map(_text_of, found))

    @once
    def words(self) -> list[str]:
        """Words in small letters, in order; "don't" is one."""
        return _text_of(self.blanked).split()

    @once
    def word_set(self) -> frozenset[str]:
        """Each word once."""
        return frozenset(self.words)

    @once
    def joined(self) -> str:
        """The words between single blanks, with one at both ends: a phrase is looked for as " so it stands "."""
        return _text_of(self.scan.joined)

    @once
    def sentences(self) -> int:
        """How many, by their ends and by lines; at least 1 where there are words."""
        ends = sum(self.lower.count(end) for end in (". ", "! ", "? ", ".\n", "。", "！", "？"))
        return max(ends + 1, self.lower.count("\n") // 2) if self.scan.n else 0
