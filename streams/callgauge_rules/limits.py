"""Numbers in rules, and limits that can tell something: neither always beyond nor never."""

from __future__ import annotations

import math
import re
from typing import Any

from callgauge.line_texts import shown
from callgauge_rules.aggregates import Aggregate

__all__ = ["count_of", "number_of", "problem_of_limit"]

_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9_]{0,39}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_PERCENT = re.compile(r"([+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})) ?%")
_COUNT = re.compile(r"[0-9][0-9_]{0,19}")
_MOST_CALLS = 1_000_000_000_000


def number_of(value: Any) -> float:
    """A limit: a number, or a percentage, which is the number divided by 100.

    >>> number_of("010"), number_of("2.9%")
    (10.0, 0.029)

    Raises:
        ValueError: it is none.
    """
    text = str(value).replace("_", "") if _NUMBER.fullmatch(str(value)) else ""
    if percent := _PERCENT.fullmatch(str(value)):
        text = f"{percent[1]}e-2"  # dividing by 100 would round a second time
    if isinstance(value, bool) or not text or not math.isfinite(number := float(text)):
        raise ValueError(f"a limit is a number, such as 0.05 or 5%, not {shown(value)}")
    return number + 0.0  # -0 becomes 0


def count_of(value: Any) -> int:
    """A number of calls, from 1 up.

    Raises:
        ValueError: it is none.
    """
    counted = not isinstance(value, bool) and _COUNT.fullmatch(str(value))
    if not counted or not 1 <= (count := int(str(value))) <= _MOST_CALLS:
        raise ValueError(f"a number of calls is whole and at least 1, such as 20, not {shown(value)}")
    return count


def problem_of_limit(judged: Aggregate, op: str, value: float) -> str:
    """What is wrong with a limit beyond which every value lies, or none (5 for 5%, perhaps); "" if nothing is."""
    if judged.signed:
        return ""
    share = judged.unit == "%"
    most, values = (1.0, "a share, 0 to 1") if share else (math.inf, "never below 0")
    if not 0.0 <= value <= most:
        hint = f"; write {value:g}% if you mean percent" if share and 1.0 < value <= 100.0 else ""
        return f"{judged.name} is {values}; {value:g} is no limit for it{hint}"
    if (op, value) in (("lt", 0.0), ("gt", most)):
        return f"{judged.name} is {values}; {op} {value:g} never holds"
    if (op, value) in (("ge", 0.0), ("le", most)):
        return f"{judged.name} is {values}; {op} {value:g} always holds"
    return ""
