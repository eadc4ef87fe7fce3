"""Digits and decimal places become the double that Python reads."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from callgauge_windows.decimals import nearest


def as_python_reads(digits: int, places: int) -> float:
    return float(f"{digits}e-{places}")


@settings(max_examples=300, deadline=None)
@given(digits=st.integers(0, 10**18 - 1), places=st.integers(0, 22))
@example(digits=(1 << 53) + 1, places=0)
@example(digits=90_071_992_547_409_930, places=1)
@example(digits=999_999_999_999_999_999, places=22)
def test_any_digits(digits: int, places: int) -> None:
    """18 digits and 22 places are all that is ever asked for."""
    assert nearest(digits, places) == as_python_reads(digits, places)


def test_halfway_between_two_doubles() -> None:
    """Decimals of 18 digits that lie exactly between two doubles, or one digit beside: ties go to the even one."""
    rng = random.Random(3)
    met = 0
    for _ in range(20_000):
        places = rng.randrange(5)
        # (2 m + 1) 2^k has 54 bits and is a whole number of 10^-places: it is halfway between two doubles
        half = (rng.randrange(1 << 52, 1 << 53) * 2 + 1) * 5**places << max(0, rng.randrange(3))
        for digits in (half - 1, half, half + 1):
            if digits < 10**18:
                met += 1
                assert nearest(digits, places) == as_python_reads(digits, places), (digits, places)
    assert met > 10_000
