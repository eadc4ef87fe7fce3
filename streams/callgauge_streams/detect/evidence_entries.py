"""The compiled loops over the entries of `callgauge_streams.detect.evidence`, whose top says what an entry is."""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_streams.detect.evidence_ids import is_uuid, read_digit, uuid_byte
from callgauge_streams.detect.evidence_numbers import next_count, read_number, write_count, write_number
from callgauge_windows.compiled import compiled
from callgauge_windows.instructions import move_bytes

__all__ = [
    "ZEROS",
    "add_up",
    "compact",
    "copy_out",
    "counts_at",
    "fold",
    "length_of",
    "lengths_at",
    "unpack",
    "values_at",
    "write",
]

#: The bucket of value 0, below all others.
ZEROS = -(1 << 15)
_LENGTH = 3
_UUID = 16
# The most bytes of the largest value, of a length of an id, and of a bucket with its count.
_MOST_HEAD, _MOST_COUNT = 20, 21


@compiled
def write(
    data: Any, used: int, places: Any, rows: Any, which: Any, begin: int,
    counts: Any, most: Any, event: Any, zeros: Any, ids: Any, id_at: Any,
    bucket_at: Any, buckets: Any, bucket_counts: Any,
) -> Any:  # fmt: skip
    """Write entries, from the `begin`-th on. Returns how many are written, the end of what is used, how many bytes
    became holes, and the room that the next one needs at most: 0 when all are written."""
    holes = 0
    for i in range(begin, len(rows)):
        row, at = rows[i], which[i]
        id_begin, id_end = 0, 0
        if event[at] > 0:
            id_begin, id_end = id_at[event[at] - 1], id_at[event[at]]
        need = _LENGTH + _MOST_HEAD + id_end - id_begin + _MOST_COUNT * (1 + bucket_at[at + 1] - bucket_at[at])
        if used + need > len(data):
            return i, used, holes, need
        if places[row] > 0:
            holes += length_of(data, places[row])
            places[row] = 0
        if counts[at] > 0:
            places[row] = used
            end = _write_id(data, write_number(data, used + _LENGTH, most[at]), ids, id_begin, id_end)
            last = ZEROS - 1
            if zeros[at] > 0:
                end, last = write_count(data, end, 1, zeros[at]), ZEROS
            for j in range(bucket_at[at], bucket_at[at + 1]):
                if bucket_counts[j] > 0:
                    end = write_count(data, end, buckets[j] - last, bucket_counts[j])
                    last = buckets[j]
            _write_length(data, used, end - used)
            used = end
    return len(rows), used, holes, 0


@compiled
def _write_id(data: Any, at: int, ids: Any, begin: int, end: int) -> int:
    """Twice the bytes of an id and the id; of a UUID 1 and 16 bytes."""
    if is_uuid(ids, begin, end):
        at = write_number(data, at, 1)
        for j in range(_UUID):
            data[at + j] = uuid_byte(ids, begin, j)
        return at + _UUID
    at = write_number(data, at, 2 * (end - begin))
    for j in range(end - begin):
        data[at + j] = ids[begin + j]
    return at + end - begin


@compiled
def _write_length(data: Any, at: int, length: int) -> None:
    for j in range(_LENGTH):
        data[at + j] = length >> (8 * j) & 0xFF


@compiled
def length_of(data: Any, at: int) -> Any:
    """How many bytes the entry has that begins there."""
    found = np.int64(0)
    for j in range(_LENGTH):
        found |= np.int64(data[at + j]) << (8 * j)
    return found


@compiled
def counts_at(data: Any, at: int) -> int:
    """Where the counts of an entry begin."""
    at, _ = read_number(data, at + _LENGTH)
    at, size = read_number(data, at)
    return at + (_UUID if size & 1 else size >> 1)


@compiled
def fold(data: Any, used: int, row_places: Any, cell_places: Any, rows: Any, cells: Any, begin: int) -> Any:
    """Add rows' entries to their cells', from the `begin`-th on; returns as `write` does."""
    holes = 0
    for i in range(begin, len(rows)):
        row, cell = rows[i], cells[i]
        mine, other = row_places[row], cell_places[cell]
        if mine > 0 and other > 0:
            need = length_of(data, mine) + length_of(data, other)  # a sum is never longer than what is added up
            if used + need > len(data):
                return i, used, holes, need
            holes += need
            cell_places[cell] = used
            used = _merge(data, used, mine, other)
        elif mine > 0:
            cell_places[cell] = mine
        row_places[row] = 0
    return len(rows), used, holes, 0


@compiled
def _merge(data: Any, used: int, a: int, b: int) -> int:
    """Write the sum of two entries; returns where it ends."""
    larger = a if _is_larger(data, a, b) else b
    end = used + _LENGTH
    for j in range(larger + _LENGTH, counts_at(data, larger)):
        data[end] = data[j]
        end += 1
    to, other_to, last = a + length_of(data, a), b + length_of(data, b), ZEROS - 1
    at, bucket, count = next_count(data, counts_at(data, a), to, last)
    other, other_bucket, more = next_count(data, counts_at(data, b), other_to, last)
    while count > 0 or more > 0:
        if more == 0 or (count > 0 and bucket < other_bucket):
            end, last = write_count(data, end, bucket - last, count), bucket
            at, bucket, count = next_count(data, at, to, bucket)
        elif count == 0 or other_bucket < bucket:
            end, last = write_count(data, end, other_bucket - last, more), other_bucket
            other, other_bucket, more = next_count(data, other, other_to, other_bucket)
        else:
            end, last = write_count(data, end, bucket - last, count + more), bucket
            at, bucket, count = next_count(data, at, to, bucket)
            other, other_bucket, more = next_count(data, other, other_to, other_bucket)
    _write_length(data, used, end - used)
    return end


@compiled
def _is_larger(data: Any, a: int, b: int) -> bool:
    """Whether a's value is the larger one, or as large and its event's id the smaller one, character by character: the
    event that is named must not depend on the order of rows."""
    at, mine = read_number(data, a + _LENGTH)
    other_at, other = read_number(data, b + _LENGTH)
    if mine != other:
        return bool(mine > other)
    at, size = read_number(data, at)
    other_at, other_size = read_number(data, other_at)
    length, other_length = _characters(size), _characters(other_size)
    for j in range(min(length, other_length)):
        of_mine, of_other = _character(data, at, size, j), _character(data, other_at, other_size, j)
        if of_mine != of_other:
            return bool(of_mine < of_other)
    return bool(length <= other_length)


@compiled
def _characters(size: int) -> int:
    return 36 if size & 1 else size >> 1


@compiled
def _character(data: Any, at: int, size: int, j: int) -> Any:
    return read_digit(data, at, j) if size & 1 else np.int64(data[at + j])


@compiled
def unpack(data: Any, at: int, text: Any, buckets: Any, counts: Any) -> Any:
    """Write the id of an entry's event and its counts to arrays of as many bytes as the entry has, twice; returns the
    largest value, the length of the id, and the number of counts."""
    end = at + length_of(data, at)
    at, most = read_number(data, at + _LENGTH)
    at, size = read_number(data, at)
    length = _characters(size)
    for j in range(length):
        text[j] = _character(data, at, size, j)
    at, bucket, count = next_count(data, at + (_UUID if size & 1 else length), end, ZEROS - 1)
    found = 0
    while count > 0:
        buckets[found], counts[found] = bucket, count
        found += 1
        at, bucket, count = next_count(data, at, end, bucket)
    return most, length, found


@compiled
def add_up(data: Any, places: Any, buckets: Any, counts: Any) -> Any:
    """Write the counts of the entries at these places, one after the other, to arrays of as many bytes as they have;
    returns the place of the one with the largest value, and the number of counts."""
    largest, found = places[0], 0
    for place in places:
        if _is_larger(data, place, largest):
            largest = place
        end = place + length_of(data, place)
        at, bucket, count = next_count(data, counts_at(data, place), end, ZEROS - 1)
        while count > 0:
            buckets[found], counts[found] = bucket, count
            found += 1
            at, bucket, count = next_count(data, at, end, bucket)
    return largest, found


@compiled
def values_at(data: Any, places: Any, values: Any) -> None:
    """Write the largest values of the entries at these places."""
    for i in range(len(places)):
        _, values[i] = read_number(data, places[i] + _LENGTH)


@compiled
def copy_out(data: Any, places: Any, lengths: Any, copied: Any) -> None:
    """Write the entries at these places, of these lengths, one after the other to `copied`."""
    used = 0
    for i in range(len(places)):
        for j in range(lengths[i]):
            copied[used + j] = data[places[i] + j]
        used += lengths[i]


@compiled
def lengths_at(data: Any, places: Any, lengths: Any) -> None:
    """Write the lengths of the entries at these places; 0: there is none."""
    for i in range(len(places)):
        lengths[i] = length_of(data, places[i]) if places[i] > 0 else 0


@compiled
def compact(data: Any, places: Any, order: Any, moved: Any) -> int:
    """Move the entries at these places together, in order of their places; returns where they end."""
    used, begin, end = 1, 1, 1
    for i in order:
        place = places[i]
        if place != end:  # a hole: what lies side by side before it moves at once
            move_bytes(data, used - (end - begin), begin, end - begin)
            begin = place
        moved[i] = used
        length = length_of(data, place)
        used, end = used + length, place + length
    move_bytes(data, used - (end - begin), begin, end - begin)
    return used
