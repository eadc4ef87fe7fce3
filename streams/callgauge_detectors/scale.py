"""The scale on which a series is judged.

    linear    x itself: for shares and for what varies by a fixed amount
    log       sign(x) ln(1 + |x|): for latencies, tokens, cost and traffic, which vary by a factor

On the log scale a difference of 0.05 is 5 %, whatever the unit; ln(1 + x) keeps zero and is ln x for large x, so give
values in a unit where 1 is small (ms, calls, tokens; not seconds or dollars).
"""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Scale", "floor_at", "scaled", "unscaled"]

Scale = Literal["linear", "log"]


def scaled(value: float, scale: Scale) -> float:
    """A value on the scale."""
    return value if scale == "linear" else math.copysign(math.log1p(abs(value)), value)


def unscaled(value: float, scale: Scale) -> float:
    """The inverse of `scaled`.

    >>> round(unscaled(scaled(-250.0, "log"), "log"), 9)
    -250.0
    """
    return value if scale == "linear" else math.copysign(math.expm1(min(abs(value), 700.0)), value)


def floor_at(centre: float, relative: float, scale: Scale) -> float:
    """The least σ to count with: `relative` of the baseline, on the scale."""
    return relative * abs(centre) if scale == "linear" else relative
