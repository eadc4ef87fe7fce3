"""Length of an answer in characters, as the call or its content tells it: the whole one's, before anything was cut.

The mean moves when a model begins to explain, or stops to: LLMDrift's GPT-4 went from 2,163 to 10 characters between
March and June 2023 on the same questions. A rule compares it with a baseline; no length is good or bad by itself.
"""

from __future__ import annotations

__all__ = ["response_length"]


def response_length(chars: int | None) -> float | None:
    """Characters, at most 1,000,000; None: not known.

    >>> response_length(2_163)
    2163.0
    """
    return None if chars is None else float(min(chars, 1_000_000))
