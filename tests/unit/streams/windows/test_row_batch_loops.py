"""The loops that write batches do what NumPy and Python say in more words."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_windows.row_batch import Texts
from callgauge_windows.row_batch_loops import copy_texts, renumber, write_columns

NUMBERS = st.lists(st.integers(0, 40), max_size=60)


@settings(deadline=None)  # the first example compiles
@given(NUMBERS, st.integers(1, 4))
def test_numbers_are_given_anew_in_order_of_appearance(listed: list[int], lines: int) -> None:
    """Row by row, the lines of a row in their order."""
    rows = len(listed) // lines
    numbers = np.array(listed[: rows * lines], dtype=np.int64).reshape(rows, lines).T.copy()
    before = numbers.T.ravel().tolist()
    met = renumber(numbers, 41)
    assert met.tolist() == list(dict.fromkeys(before))
    assert met[numbers].T.ravel().tolist() == before


def test_texts_are_copied_in_the_order_asked_for() -> None:
    """Some of them, twice."""
    texts, which = Texts.of(["a", "", "größe"]), np.array([2, 0, 2, 1])
    begins = texts.at[which]
    at = np.concatenate([[0], np.cumsum(texts.at[which + 1] - begins)])
    copied = np.empty(at[-1], dtype=np.uint8)
    copy_texts(np.frombuffer(texts.data, dtype=np.uint8), begins, at, copied)
    assert Texts(copied.tobytes(), at).listed() == ["größe", "a", "größe", ""]


def test_columns_are_written_as_little_endian_differences() -> None:
    """Of every width, beside lines that are left out."""
    numbers = np.array([[5, 260, 5], [9, 9, 9], [7, 8, 9], [-(1 << 62), 0, 1 << 62], [0, 1 << 31, 3]], dtype=np.int64)
    lines, low, width = np.array([0, 2, 3, 4]), np.array([5, 7, 0, 0]), np.array([2, 1, 8, 4])
    data = np.zeros(3 * 15, dtype=np.uint8)
    write_columns(numbers, lines, low, width, data)
    types = zip(lines.tolist(), low.tolist(), ("<u2", "<u1", "<i8", "<u4"), strict=True)
    assert data.tobytes() == b"".join((numbers[line] - least).astype(kind).tobytes() for line, least, kind in types)
