"""The windows of one grouping set as bytes, and back: one piece for each stretch of time, or several if it is large.

What is fine is saved by the minute, what is coarse by the hour. Only stretches in which something has changed are
written again, so that a day of 10,000 series costs no more than its last minute. One blob for each series would have to
be written whole whenever the series has had a call: the day of all series every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge_streams.detect import cell_links as links
from callgauge_streams.detect.cell_restoring import restore_cells, restore_rows
from callgauge_streams.detect.cells import Cells

__all__ = ["cell_pieces", "put_cells_back"]

Int64s = npt.NDArray[np.int64]
Group = tuple[str, int, str]

#: About so large is a piece, before the producer compresses it; a broker takes 1 MB by default.
_PIECE_BYTES = 400_000


class _Piece(msgspec.Struct, array_like=True):
    """Arrays as they lie in memory, little-endian."""

    numbers: bytes
    """Of the series of each cell."""
    starts: bytes
    last_starts: bytes
    sums: bytes
    cell_of_row: bytes
    group_of_row: bytes
    rows: bytes
    """Id, number in the log, and start of each open row."""
    values: bytes
    evidence: dict[str, tuple[bytes, bytes]]
    groups: list[Group]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Piece).decode


def cell_pieces(
    cells: Cells, stretches: Iterable[int], number_of: Callable[[Int64s], Int64s], group_of: Callable[[int], Group]
) -> Iterator[tuple[int, list[bytes]]]:
    """The pieces of these stretches of time; none for one in which there is nothing any more.

    Args:
        number_of: the numbers of the series in slots.
        group_of: source, block and epoch of a group of open rows.
    """
    wanted = np.array(sorted(stretches), dtype=np.int64)
    lines = cells._cells.filled
    alive = np.flatnonzero(lines[:, links.SLOT] >= 0)
    stretch_of = cells.stretches(lines[alive, links.START])
    mine = np.isin(stretch_of, wanted)
    alive, stretch_of = alive[mine], stretch_of[mine]
    order = np.lexsort((lines[alive, links.START], number_of(lines[alive, links.SLOT]), stretch_of))
    alive, stretch_of = alive[order], stretch_of[order]
    bounds = np.searchsorted(stretch_of, [wanted, wanted + 1])
    for stretch, begin, end in zip(wanted.tolist(), *bounds.tolist(), strict=True):
        yield stretch, [_piece(cells, part, number_of, group_of) for part in _parts(cells, alive[begin:end])]


def _parts(cells: Cells, which: Int64s) -> Iterator[Int64s]:
    if not len(which):
        return
    size = 8 * (3 + cells._sums.filled.shape[1])
    sizes = np.full(len(which), size)
    for evidence in cells._evidence.values():
        sizes += evidence.sizes(which)
    rows = cells._rows_of_cells(which)
    of_rows = np.bincount(_position(which, cells._rows.filled[rows, links.CELL]), minlength=len(which))
    sizes += of_rows * (8 * (5 + cells._row_values.filled.shape[1]) + 100 * len(cells._evidence))
    numbers = (np.cumsum(sizes) - sizes) // _PIECE_BYTES
    yield from np.split(which, np.flatnonzero(np.diff(numbers)) + 1)


def _position(which: Int64s, cells: Int64s) -> Int64s:
    """Where in `which` each of the cells is."""
    order = np.argsort(which)
    found: Int64s = order[np.searchsorted(which, cells, sorter=order)]
    return found


def _piece(
    cells: Cells, which: Int64s, number_of: Callable[[Int64s], Int64s], group_of: Callable[[int], Group]
) -> bytes:
    lines, rows = cells._cells.filled[which], cells._rows_of_cells(which)
    of_rows = cells._rows.filled[rows]
    groups, group_of_row = np.unique(of_rows[:, links.GROUP], return_inverse=True)
    evidence = {name: each.taken_out(rows, which) for name, each in cells._evidence.items()}
    return _encode(
        _Piece(
            numbers=number_of(lines[:, links.SLOT]).tobytes(),
            starts=lines[:, links.START].tobytes(),
            last_starts=lines[:, links.LAST_START].tobytes(),
            sums=cells._sums.filled[which].tobytes(),
            cell_of_row=_position(which, of_rows[:, links.CELL]).tobytes(),
            group_of_row=group_of_row.astype(np.int64).tobytes(),
            rows=of_rows[:, [links.ID, links.SEQ, links.ROW_START]].tobytes(),
            values=cells._row_values.filled[rows].tobytes(),
            evidence={name: (lengths.tobytes(), data.tobytes()) for name, (lengths, data) in evidence.items()},
            groups=[group_of(group) for group in groups.tolist()],
        )
    )


def put_cells_back(
    cells: Cells, piece: bytes, slot_of: Callable[[Int64s], Int64s], number_of: Callable[[Group], int]
) -> list[int]:
    """Put the cells and open rows of a piece back; returns the group of each row.

    Args:
        slot_of: the slots of series, by their numbers.
        number_of: the number of a group of open rows.
    """
    found = _decode(piece)
    starts, last = _ints(found.starts), _ints(found.last_starts)
    rows = _ints(found.rows).reshape(-1, 3)
    groups = np.array([number_of(each) for each in found.groups], dtype=np.int64)
    cells._make_room(max(len(starts), len(rows)))
    which, row_numbers = np.empty(len(starts), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    restore_cells(
        slot_of(_ints(found.numbers)), starts, last, _ints(found.sums).reshape(len(starts), -1), cells._slots.filled,
        cells._cells.room(0), cells._sums.room(0), cells._free_cells.filled, cells._counters, which,
    )  # fmt: skip
    group_of_row = groups[_ints(found.group_of_row)] if len(rows) else np.zeros(0, dtype=np.int64)
    ids, seqs, row_starts = (np.ascontiguousarray(rows[:, at]) for at in range(3))
    restore_rows(
        which[_ints(found.cell_of_row)], group_of_row, ids, seqs, row_starts,
        _ints(found.values).reshape(-1, cells._row_values.room(0).shape[1]), cells._row_of.keys, cells._row_of.numbers,
        cells._cells.room(0), cells._rows.room(0), cells._row_values.room(0), cells._free_rows.filled, cells._counters,
        row_numbers,
    )  # fmt: skip
    cells._fill()
    for name, (lengths, data) in found.evidence.items():
        each = np.frombuffer(lengths, dtype=np.int32), np.frombuffer(data, dtype=np.uint8)
        cells._evidence[name].put_back(row_numbers, which, *each)
    return [int(group) for group in group_of_row]


def _ints(value: bytes) -> Int64s:
    return np.frombuffer(value, dtype=np.int64).copy()
