"""What each word that some heuristic looks for means to it, in one table: each word of a text is looked up once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from callgauge_quality.word_scan import Scan, hash_of, scan

__all__ = ["WORDS", "WordTable"]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]


class WordTable:
    """Words and their bits. For one thread."""

    def __init__(self) -> None:
        self._flags: dict[str, int] = defaultdict(int)
        self._families: dict[str, int] = defaultdict(int)
        self._made: tuple[UInt64s, Int64s, Int64s] | None = None
        self._spans = np.zeros(128, dtype=np.int64)

    def flag(self, words: Iterable[str], flag: int) -> None:
        """These words have this flag (`word_scan`) from now on."""
        for word in words:
            self._flags[word] |= flag
        self._made = None

    def family(self, words: Iterable[str], bit: int) -> None:
        """These words let a family of phrases be there that `refusal` knows by this bit."""
        for word in words:
            self._families[word] |= bit
        self._made = None

    def scan(self, data: bytes) -> Scan:
        """What a text holds: words in small letters and UTF-8 between blanks."""
        made = self._made or self._make()
        joined = np.empty(len(data) + 2, dtype=np.uint8)
        n, families, good, bad, runs, spoken, found, size = scan(data, *made, self._spans, joined)
        spans = iter(self._spans[: 2 * found].tolist())
        told = None if found < 0 else [data[begin:end] for begin, end in zip(spans, spans, strict=True)]
        return Scan(n, families, good, bad, runs, spoken, told, joined[:size].tobytes())

    @property
    def arrays(self) -> tuple[UInt64s, Int64s]:
        """Hashes and flags, for other scans."""
        return (self._made or self._make())[:2]

    def _make(self) -> tuple[UInt64s, Int64s, Int64s]:
        words = sorted(self._flags.keys() | self._families.keys())
        size = 1 << (4 * len(words) + 1).bit_length()
        hashes: UInt64s = np.zeros(size, dtype=np.uint64)
        flags: Int64s = np.zeros(size, dtype=np.int64)
        families: Int64s = np.zeros(size, dtype=np.int64)
        for word in words:
            key = hash_of(word.encode("utf-8", "surrogatepass"))
            at = key & (size - 1)
            while hashes[at]:
                at = (at + 1) & (size - 1)
            hashes[at], flags[at], families[at] = key, self._flags.get(word, 0), self._families.get(word, 0)
        made = self._made = hashes, flags, families
        return made


#: That of all heuristics.
WORDS = WordTable()
