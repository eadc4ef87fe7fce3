"""From the emitters' floats to the integers that add up. One definition for rollup, sinks, tests and replay.

Every sum in callgauge is an integer: float sums depend on the order of addition, and a row must be the same bit for
bit however its block was cut. Rounding is to nearest, ties to even (IEEE 754), as NumPy's `rint` does.
"""

__all__ = ["LIMIT", "SCORE_LIMIT", "event_ms", "micros", "millionths", "nanodollars", "score_square"]

#: Largest value a row adds up, in square units (`counted.MEASURES`): 2 h 46 min, 100 dollars, 10⁷ tokens. 65,536
#: squares of it fit 63 bits. A larger value is cut to it and counted in the block's summary.
LIMIT = 10_000_000

#: Largest score, of either sign, that is squared: 10,000, in millionths. Squares are in (10⁻³)², so 65,536 of them fit.
#: A larger one is cut to it before it is squared, and counted in the block's summary; its sum is exact.
SCORE_LIMIT = 10_000_000_000


def micros(ms: float) -> int:
    """Milliseconds to integer microseconds."""
    return round(ms * 1e3)


def nanodollars(usd: float) -> int:
    """Dollars to integer nano-dollars."""
    return round(usd * 1e9)


def millionths(value: float) -> int:
    """A score to integer millionths."""
    return round(value * 1e6)


def score_square(value: int) -> int:
    """The square of a score in millionths, cut to SCORE_LIMIT, in (10⁻³)², to nearest, ties up."""
    return (min(abs(value), SCORE_LIMIT) ** 2 + 500_000) // 1_000_000


def event_ms(ts: float, latency_ms: float | None) -> int:
    """Event time of a call, its end, in integer epoch milliseconds; its start where the latency is not known."""
    return int(ts * 1e3 + (latency_ms or 0.0))
