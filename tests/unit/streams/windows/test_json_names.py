"""A name is found by its bytes if it is in the table, and only then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_windows.compiled import uncounted
from callgauge_windows.json_names import field_of, name_table
from callgauge_windows.json_words import BAD, PADDING


@uncounted
def _find(data: Any, at: int, length: int, names: Any, slots: Any) -> int:
    return field_of(data, at, length, names, slots)


NAMES = st.text("abc_", min_size=1, max_size=32)


@settings(max_examples=150, deadline=None)
@given(names=st.lists(NAMES, unique=True, min_size=1, max_size=60), others=st.lists(st.text("abc_", max_size=40)))
def test_each_name_and_no_other(names: list[str], others: list[str]) -> None:
    """Also those that begin as another does, or differ in the last of 32 bytes; whatever follows them."""
    table = name_table(names)
    cut = [name[:-1] for name in names] + [name + "a" for name in names]
    for name in names + others + cut:
        data = np.frombuffer(f'"{name}":aaa'.encode() + bytes(PADDING), dtype=np.uint8)
        expected = names.index(name) if name in names else BAD
        assert _find(data, 1, len(name.encode()), np.asarray(table.words), table.slots) == expected


def test_a_name_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="more than 32 bytes"):
        name_table(["a" * 33])
