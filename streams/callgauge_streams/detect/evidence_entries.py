"""The compiled loops over the entries of `callgauge_streams.detect.evidence`, whose top says what an entry is."""

from __future__ import annotations

from typing import Any

from callgauge_windows.compiled import compiled

__all__ = ["HEAD", "ZEROS", "compact", "copy_out", "fold", "write"]

#: Words before the id.
HEAD = 4
#: The bucket of value 0.
ZEROS = -(1 << 15)
_MOST = 0xFFFF
# A bucket that no histogram has; buckets are below it.
_END = 1 << 15


@compiled
def write(
    words: Any, used: int, places: Any, rows: Any, which: Any, begin: int,
    counts: Any, most: Any, event: Any, zeros: Any, ids: Any, id_at: Any,
    bucket_at: Any, buckets: Any, bucket_counts: Any,
) -> Any:  # fmt: skip
    """Write entries, from the `begin`-th on. Returns how many are written, the end of what is used, how many words
    became holes, and the room that the next one needs: 0 when all are written."""
    holes = 0
    for i in range(begin, len(rows)):
        row, at = rows[i], which[i]
        id_begin, id_end = 0, 0
        if event[at] > 0:
            id_begin, id_end = id_at[event[at] - 1], id_at[event[at]]
        need = HEAD + (id_end - id_begin + 3) // 4 + (zeros[at] + _MOST - 1) // _MOST
        for j in range(bucket_at[at], bucket_at[at + 1]):
            need += (bucket_counts[j] + _MOST - 1) // _MOST
        if used + need > len(words):
            return i, used, holes, need
        if places[row] > 0:
            holes += words[places[row]]
            places[row] = 0
        if counts[at] > 0:
            places[row] = used
            _write_head(words, used, need, most[at], id_end - id_begin)
            for j in range(HEAD, need):
                words[used + j] = 0
            for j in range(id_end - id_begin):
                words[used + HEAD + j // 4] |= ids[id_begin + j] << (8 * (j % 4))
            end = _write_count(words, used + HEAD + (id_end - id_begin + 3) // 4, ZEROS, zeros[at])
            for j in range(bucket_at[at], bucket_at[at + 1]):
                end = _write_count(words, end, buckets[j], bucket_counts[j])
            used = end
    return len(rows), used, holes, 0


@compiled
def _write_head(words: Any, at: int, length: int, most: int, bytes_of_id: int) -> None:
    words[at] = length
    words[at + 1], words[at + 2] = most & 0xFFFFFFFF, most >> 32
    words[at + 3] = bytes_of_id


@compiled
def _write_count(words: Any, at: int, bucket: int, count: int) -> int:
    while count > 0:
        part = min(count, _MOST)
        words[at] = bucket << 16 | part
        count -= part
        at += 1
    return at


@compiled
def fold(words: Any, used: int, row_places: Any, cell_places: Any, rows: Any, cells: Any, begin: int) -> Any:
    """Add rows' entries to their cells', from the `begin`-th on; returns as `write` does."""
    holes = 0
    for i in range(begin, len(rows)):
        row, cell = rows[i], cells[i]
        mine, other = row_places[row], cell_places[cell]
        if mine > 0 and other > 0:
            need = words[mine] + words[other]
            if used + need > len(words):
                return i, used, holes, need
            holes += need
            cell_places[cell] = used
            used = _merge(words, used, mine, other)
        elif mine > 0:
            cell_places[cell] = mine
        row_places[row] = 0
    return len(rows), used, holes, 0


@compiled
def _merge(words: Any, used: int, a: int, b: int) -> int:
    """Write the sum of two entries; returns where it ends."""
    larger = a if _is_larger(words, a, b) else b
    words_of_id = (words[larger + 3] + 3) // 4
    for j in range(HEAD + words_of_id):
        words[used + j] = words[larger + j]
    end = used + HEAD + words_of_id
    at, to = a + HEAD + (words[a + 3] + 3) // 4, a + words[a]
    other, other_to = b + HEAD + (words[b + 3] + 3) // 4, b + words[b]
    while at < to or other < other_to:
        bucket = _END
        if at < to:
            bucket = words[at] >> 16
        if other < other_to:
            bucket = min(bucket, words[other] >> 16)
        count = 0
        while at < to and words[at] >> 16 == bucket:
            count += words[at] & _MOST
            at += 1
        while other < other_to and words[other] >> 16 == bucket:
            count += words[other] & _MOST
            other += 1
        end = _write_count(words, end, bucket, count)
    words[used] = end - used
    return int(end)


@compiled
def _is_larger(words: Any, a: int, b: int) -> bool:
    """Whether a's value is the larger one, or as large and its event's id the smaller one, byte by byte: the event that
    is named must not depend on the order of rows."""
    mine, other = _most(words, a), _most(words, b)
    if mine != other:
        return bool(mine > other)
    for j in range(min(words[a + 3], words[b + 3])):
        of_mine, of_other = _byte(words, a, j), _byte(words, b, j)
        if of_mine != of_other:
            return bool(of_mine < of_other)
    return bool(words[a + 3] <= words[b + 3])


@compiled
def _most(words: Any, at: int) -> int:
    return int(int(words[at + 2]) << 32 | int(words[at + 1]) & 0xFFFFFFFF)


@compiled
def _byte(words: Any, at: int, j: int) -> int:
    return int(words[at + HEAD + j // 4]) >> (8 * (j % 4)) & 0xFF


@compiled
def copy_out(words: Any, places: Any, lengths: Any, copied: Any) -> None:
    """Write the entries at these places, of these lengths, one after the other to `copied`."""
    used = 0
    for i in range(len(places)):
        for j in range(lengths[i]):
            copied[used + j] = words[places[i] + j]
        used += lengths[i]


@compiled
def compact(words: Any, places: Any, order: Any, moved: Any) -> int:
    """Move the entries at these places together, in order of their places; returns where they end."""
    used = 1
    for i in order:
        place = places[i]
        length = words[place]
        for j in range(length):
            words[used + j] = words[place + j]
        moved[i] = used
        used += length
    return used
