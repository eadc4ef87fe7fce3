"""One pass over the bytes of a text, compiled: all that heuristics want to know of its words.

Words are compared by their 64-bit FNV-1a hashes: of a text of a thousand words two that differ are taken for the same
once in 4 * 10^13 texts.

Source: Fowler, Noll, Vo (FNV-1a); draft-eastlake-fnv.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from callgauge_windows.compiled import compiled

__all__ = ["BAD", "GOOD", "JOINS", "LANGUAGE_BITS", "NOT", "TOLD", "Scan", "hash_of", "joined_sentences", "scan"]

#: Bits 0 to 6: words that are common in a language, in the order of `stop_words.LANGUAGES`, English first.
LANGUAGE_BITS = 7
GOOD, BAD, NOT = 1 << 7, 1 << 8, 1 << 9
#: A word that joins a sentence to the one before.
JOINS = 1 << 10
#: A word that some lexicon looks for.
TOLD = 1 << 11
#: Words by which a language is told, and the words of an opening.
_SPOKEN, _OPENING = 60, 160

_PRIME, _OFFSET = 0x100000001B3, 0xCBF29CE484222325
_MASK = (1 << 64) - 1


class Scan(NamedTuple):
    """What was found.

    Attributes:
        n: words.
        families: of refusal, that some word of the opening lets be there.
        good, bad: words of sentiment, a negated one on the other side.
        runs: distinct runs of four words.
        spoken: of the first 60 words, how many are common in each language; 8 bits each.
        told: words that some lexicon looks for, in bytes; None: too many to say.
        joined: the words between single blanks, with one at both ends.
    """

    n: int
    families: int
    good: int
    bad: int
    runs: int
    spoken: int
    told: list[bytes] | None
    joined: bytes


def hash_of(word: bytes) -> int:
    """The hash of a word, as the scan has it; never 0."""
    found = _OFFSET
    for byte in word:
        found = ((found ^ byte) * _PRIME) & _MASK
    return found or 1


@compiled
def _place(hashes: Any, key: Any) -> Any:
    """Where a hash stands in the table; -1: nowhere."""
    mask = np.uint64(len(hashes) - 1)
    at = key & mask
    while hashes[at] != np.uint64(0):
        if hashes[at] == key:
            return np.int64(at)
        at = (at + np.uint64(1)) & mask
    return np.int64(-1)


@compiled
def _is_new(kept: Any, key: Any) -> Any:
    """Put a hash in a set; whether it was not in it."""
    mask = np.uint64(len(kept) - 1)
    at = key & mask
    while kept[at] != np.uint64(0):
        if kept[at] == key:
            return False
        at = (at + np.uint64(1)) & mask
    kept[at] = key
    return True


@compiled
def scan(data: Any, hashes: Any, flags: Any, families: Any, spans: Any, joined: Any) -> Any:
    """See `Scan`; writes where the words that lexicons look for begin and end to `spans`, and returns how many they are
    (-1: too many). Writes the words between single blanks to `joined`, and returns how many bytes they are."""
    size = 64
    while size < len(data):
        size *= 2
    runs = np.zeros(size, dtype=np.uint64)
    n = distinct = good = bad = found = 0
    family, spoken = np.int64(0), np.int64(0)
    h1 = h2 = h3 = np.uint64(0)
    since_not = 3  # words; a negation of more than two words before turns nothing round
    at, end, written = 0, len(data), 1
    joined[0] = 32
    while at < end:
        if data[at] == 32:
            at += 1
            continue
        begin, key = at, np.uint64(_OFFSET)
        while at < end and data[at] != 32:
            joined[written] = data[at]
            written += 1
            key = (key ^ np.uint64(data[at])) * np.uint64(_PRIME)
            at += 1
        joined[written] = 32
        written += 1
        if key == np.uint64(0):
            key = np.uint64(1)
        place = _place(hashes, key)
        flag = np.int64(0)
        if place >= 0:
            flag = flags[place]
            if n < _OPENING:
                family |= families[place]
        if n < _SPOKEN and flag & np.int64(127):
            for language in range(LANGUAGE_BITS):
                if flag >> language & 1:
                    spoken += np.int64(1) << (8 * language)
        if flag & np.int64(GOOD | BAD):
            if (flag & np.int64(GOOD) != 0) == (since_not > 2):
                good += 1
            else:
                bad += 1
        if flag & np.int64(TOLD):
            if 2 * found + 2 <= len(spans):
                spans[2 * found], spans[2 * found + 1] = begin, at
            found += 1
        since_not = 1 if flag & np.int64(NOT) else since_not + 1
        n += 1
        if n >= 4:
            run = ((h1 * np.uint64(_PRIME) ^ h2) * np.uint64(_PRIME) ^ h3) * np.uint64(_PRIME) ^ key
            run ^= run >> np.uint64(29)
            if run == np.uint64(0):
                run = np.uint64(1)
            distinct += _is_new(runs, run)
        h1, h2, h3 = h2, h3, key
    return n, family, good, bad, distinct, spoken, found if 2 * found <= len(spans) else -1, written


@compiled
def joined_sentences(data: Any, hashes: Any, flags: Any, items: Any) -> Any:
    """How many sentences, one a line, are joined to the one before: by their first word, by a word of content that both
    have, or since they are items (a bit each)."""
    size = 64
    while size < len(data):
        size *= 2
    kept, last = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.int64)
    mask = np.uint64(size - 1)
    words, line, joined, is_joined = 0, 1, 0, False
    at, end = 0, len(data)
    while at <= end:
        if at == end or data[at] == 10:
            joined += line > 1 and (is_joined or items >> (line - 1) & 1 == 1)
            words, is_joined = 0, False
            line += 1
            at += 1
            continue
        if data[at] == 32:
            at += 1
            continue
        key = np.uint64(_OFFSET)
        while at < end and data[at] != 32 and data[at] != 10:
            key = (key ^ np.uint64(data[at])) * np.uint64(_PRIME)
            at += 1
        if key == np.uint64(0):
            key = np.uint64(1)
        place = _place(hashes, key)
        flag = flags[place] if place >= 0 else np.int64(0)
        if words == 0 and flag & np.int64(JOINS):
            is_joined = True
        words += 1
        if flag & np.int64(1):  # common in English: no word of content
            continue
        where = key & mask
        while kept[where] != np.uint64(0) and kept[where] != key:
            where = (where + np.uint64(1)) & mask
        if kept[where] == key and last[where] == line - 1:
            is_joined = True
        kept[where], last[where] = key, line
    return joined
