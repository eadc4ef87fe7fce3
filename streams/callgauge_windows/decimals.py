"""Decimal numbers to the nearest double.

Daniel Lemire, "Number Parsing at a Gigabyte per Second", Software: Practice and Experience 51 (8), 2021, section 5,
for as many digits and powers of ten as `json_numbers` reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.instructions import double_of, high_product, leading_zeros

__all__ = ["nearest"]

_MOST_PLACES = 22
_POWERS = 10.0 ** np.arange(_MOST_PLACES + 1)  # these are exact
_MANTISSA_BITS = 52
_NO_BITS, _ONE, _THREE = (np.uint64(n) for n in (0, 1, 3))
_LOW_BITS, _LOST_BITS, _TOP = np.uint64(0x1FF), np.uint64(64 - _MANTISSA_BITS - 3), np.uint64(63)
_HIDDEN, _S52 = np.uint64(1 << _MANTISSA_BITS), np.uint64(_MANTISSA_BITS)


def _inverse_power_of_five(exponent: int) -> tuple[int, int]:
    """128 bits of 5**-exponent, rounded up, the highest of them 1; as two words."""
    power: int = 5**exponent
    bits = (1 << power.bit_length() + 127) // power + 1
    return bits >> 64, bits & (1 << 64) - 1


# 5**-0 is not looked at.
_INVERSE_FIVES = np.array([(0, 0), *map(_inverse_power_of_five, range(1, _MOST_PLACES + 1))], dtype=np.uint64)


@inlined
def nearest(digits: int, places: int) -> float:
    """`digits` / 10**`places`, to nearest, ties to even.

    Args:
        digits: not negative.
        places: 0 to 22.
    """
    if places == 0:
        return float(digits)
    if digits <= 1 << 53:
        return float(digits / _POWERS[np.uintp(places)])  # both are exact, so the quotient is the nearest
    return _nearest_of_many(np.uint64(digits), places)


@uncounted
def _nearest_of_many(digits: Any, places: int) -> float:
    """The product with the inverse power of five, to as many bits as decide where to round. The double's exponent then
    follows from the power of two; nothing that is read here is so small that it is subnormal."""
    zeros = leading_zeros(digits)
    word = digits << np.uint64(zeros)
    power, power_low = _INVERSE_FIVES[np.uintp(places), 0], _INVERSE_FIVES[np.uintp(places), 1]
    low, high = word * power, high_product(word, power)
    if high & _LOW_BITS == _LOW_BITS:  # what was left out of the power may carry up to the bits that count
        more = high_product(word, power_low)
        low += more
        high += _ONE if low < more else _NO_BITS
    upper = high >> _TOP
    mantissa = high >> (upper + _LOST_BITS)
    if low <= _ONE and places <= 4 and mantissa & _THREE == _ONE and mantissa << (upper + _LOST_BITS) == high:
        mantissa ^= _ONE  # exactly between two: down to the even one
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    exponent = ((-217706 * places) >> 16) + 63 + np.int64(upper) - zeros + 1023  # 217706 / 2^16 is log2(10)
    if mantissa >= _HIDDEN << _ONE:
        mantissa, exponent = _HIDDEN, exponent + 1
    return float(double_of((mantissa ^ _HIDDEN) | np.uint64(exponent) << _S52))
