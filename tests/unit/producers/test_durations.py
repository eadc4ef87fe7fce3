"""Durations are read as they are written."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.durations import duration_ms, written


@given(st.integers(0, 10**15))
def test_a_duration_is_read_back_as_it_was_written(ms: int) -> None:
    assert duration_ms(written(ms)) == ms


def test_units_add_up() -> None:
    assert duration_ms("1d2h3m4s5ms") == 93_784_005


@given(st.text(max_size=100) | st.text("0123456789dhms.-", max_size=100))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    """Never another exception, and never below 0."""
    with suppress(ValueError):
        assert duration_ms(text) >= 0


@pytest.mark.parametrize("text", ["9" * 1_000_000, "9" * 1_000_000 + "d", "1m" * 500_000, "1m" * 500_000 + "x"])
def test_long_digits_neither_hang_nor_overflow(text: str) -> None:
    """Refused by their length, before they are read as numbers."""
    with pytest.raises(ValueError, match="is no duration") as error:
        duration_ms(text)
    assert len(str(error.value)) < 150
