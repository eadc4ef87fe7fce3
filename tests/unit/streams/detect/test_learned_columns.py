"""Columns come back as they were saved, and of a wide one only the part that has changed is another piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from callgauge_streams.detect import learned_columns
from callgauge_streams.detect.learned_columns import column_of, narrow_names, pieces_of_column


def pieces(column: npt.NDArray[Any]) -> list[list[bytes]]:
    return [pieces_of_column(column, begin, end) for _, begin, end in narrow_names("c", column)]


@pytest.mark.parametrize("shape", [(0,), (7,), (0, 3), (5, 3), (5, 10), (9, 25)])
@pytest.mark.parametrize("dtype", [np.int8, np.bool_, np.int64, np.float64])
def test_columns_come_back(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], dtype: type) -> None:
    """Of every width and type, in pieces of a few lines."""
    monkeypatch.setattr(learned_columns, "_PIECE_BYTES", 200)
    column: npt.NDArray[Any] = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    found = column_of(pieces(column), np.zeros((1, *shape[1:]), dtype=dtype))
    assert found.dtype == column.dtype
    assert np.array_equal(found, column)


def test_a_window_changes_one_narrow_part() -> None:
    """A tenth of what 60 points take is written for a new one."""
    column = np.zeros((100, 60))
    before = pieces(column)
    column[:, 31] = 1.0
    after = pieces(column)
    assert [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == [3]
    assert len(before) == 6
