r"""Folds a text to the plain form in which secrets are looked for, and knows where each part came from.

Folded are: forms of characters that mean the same (Unicode's NFKC: fullwidth letters and digits, ligatures; digits of
other scripts, dashes, spaces), characters that are not seen (zero-width, soft hyphens, directions, combining marks,
controls), and characters written in another way: `\u0040` as JSON has it, however often its backslash is escaped,
`%40` as URLs have it, `&#64;` as HTML has it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache

__all__ = ["Folded", "fold"]

# Letters and symbols that are drawn as nothing, though Unicode does not count them as formatting.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# All but tab, line feed, carriage return, and ESC, with which the colours of a terminal begin (`markup`).
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f"
_MAY_CHANGE = re.compile(rf"[\\%&{_CONTROL}]")
_ESCAPE = (
    r"(?<!\\)\\++(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtbf\"'/])"
    r"|%[2-7][0-9a-fA-F]"
    r"|&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"
    rf"|[{_CONTROL}]"
)
_ESCAPED = re.compile(_ESCAPE)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": ""}


class Folded:
    """A folded text, made of pieces that each come from one stretch of the original.

    Args:
        text: what secrets are looked for in.
        starts: where in the text each piece begins, and last the length of the text; empty: it is the original's.
        origins: where in the original it begins and ends; the end is None for a piece that is as long there as here.
    """

    __slots__ = ("_origins", "_starts", "text")

    def __init__(self, text: str, starts: list[int], origins: list[tuple[int, int | None]]) -> None:
        self.text = text
        self._starts, self._origins = starts, origins

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original `text[start:end]`, which is not empty, came from."""
        if not self._starts:
            return start, end
        return self._at(start)[0], self._at(end - 1)[1]

    def _at(self, position: int) -> tuple[int, int]:
        """Begin and end in the original of the character at a position."""
        piece = bisect_right(self._starts, position) - 1
        begin, end = self._origins[piece]
        if end is not None:
            return begin, end
        at = begin + position - self._starts[piece]
        return at, at + 1

    def without(self, pattern: re.Pattern[str]) -> Folded:
        """The same without what the pattern matches."""
        pieces, last = _Pieces(), 0
        for match in pattern.finditer(self.text):
            pieces.keep(self, last, match.start())
            last = match.end()
        pieces.keep(self, last, len(self.text))
        return pieces.folded()

    def pieces(self, start: int, end: int) -> list[tuple[int, int, int, int | None]]:
        """The pieces of `text[start:end]`: begin and end here, begin and end (or None) in the original."""
        if not self._starts:
            return [(start, end, start, None)]
        found = []
        piece = bisect_right(self._starts, start) - 1
        while start < end:
            stop = min(end, self._starts[piece + 1])
            if start < stop:
                begin, finish = self._origins[piece]
                found.append((start, stop, begin if finish else begin + start - self._starts[piece], finish))
                start = stop
            piece += 1
        return found


class _Pieces:
    """Gathers the pieces of a folded text."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._starts = [0]
        self._origins: list[tuple[int, int | None]] = []

    def add(self, text: str, begin: int, end: int | None = None) -> None:
        """Add a text that comes from the original's `begin` up to `end`; None: it is as long there."""
        if text:
            self._origins.append((begin, end))
            self._texts.append(text)
            self._starts.append(self._starts[-1] + len(text))

    def keep(self, source: Folded, start: int, end: int) -> None:
        """Add `source.text[start:end]`."""
        if start < end:
            for here, stop, begin, finish in source.pieces(start, end):
                self.add(source.text[here:stop], begin, finish)

    def folded(self) -> Folded:
        """What was gathered."""
        return Folded("".join(self._texts), self._starts, self._origins)


def fold(text: str) -> Folded:
    r"""The folded form of a text, in time linear in its length.

    >>> fold("ann\u200ba\uff20example.org").text
    'anna@example.org'
    >>> fold("ann\\u0061%40example.org").original(4, 5)
    (9, 12)
    """
    resized: dict[str, str] = {}
    if not text.isascii():
        text, resized = _swapped(text)
    if not resized and not _MAY_CHANGE.search(text):
        return Folded(text, [], [])
    pattern = re.compile(f"{_ESCAPE}|[{''.join(map(re.escape, resized))}]") if resized else _ESCAPED
    pieces, last = _Pieces(), 0
    for match in pattern.finditer(text):
        pieces.add(text[last : match.start()], last)
        folded = resized[match[0]] if match[0] in resized else _unescaped(match[0])
        pieces.add(folded, match.start(), match.end())
        last = match.end()
    pieces.add(text[last:], last)
    return pieces.folded()


def _swapped(text: str) -> tuple[str, dict[str, str]]:
    """The text with each character folded that stays one character; and how the other characters are folded."""
    folded = {char: _folded_char(char) for char in set(text) if char > "\x7f"}
    swaps = {ord(char): other for char, other in folded.items() if len(other) == 1 and other != char}
    resized = {char: other for char, other in folded.items() if len(other) != 1}
    return text.translate(swaps) if swaps else text, resized


@lru_cache(maxsize=4096)
def _folded_char(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cf", "Cc", "Mn", "Me") or char in _BLANK:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if category in ("Zs", "Zl", "Zp"):
        return " "
    return unicodedata.normalize("NFKC", char)


def _unescaped(found: str) -> str:
    """The characters that an escape stands for; nothing for a control character."""
    if found[0] == "&":
        return _seen(html.unescape(found))
    if found[0] == "%":
        return _seen(chr(int(found[1:], 16)))
    if found[0] != "\\":
        return ""
    letter, digits = found.lstrip("\\")[0], found.lstrip("\\")[1:]
    return _seen(chr(int(digits, 16))) if digits else _LETTERS.get(letter, letter)


def _seen(text: str) -> str:
    return "".join(char if "\x1b" <= char <= "\x7e" or char in "\n\r\t" else _folded_char(char) for char in text)
