"""The checks of a rule's fields: each gets what stands in the file, and gives the value or raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

from pydantic import ValidationInfo

from callgauge.durations import duration_ms
from callgauge.line_texts import problem_of_text, shown
from callgauge.near_names import unknown
from callgauge.schema import Severity
from callgauge.texts import joined
from callgauge_detectors.verdict import LEVELS
from callgauge_rules.aggregates import aggregate
from callgauge_rules.detectors import THRESHOLD, detector
from callgauge_rules.limits import number_of, problem_of_limit
from callgauge_rules.names import SEVERITIES_MEANT
from callgauge_rules.parameters import ParameterError

__all__ = [
    "LONGEST_COOLDOWN",
    "LONGEST_HELD",
    "LONGEST_LOOKBACK",
    "check_aggregate",
    "check_detector",
    "check_duration",
    "check_kind",
    "check_limit",
    "check_name",
    "check_needs",
    "check_parameters",
    "check_severities",
    "check_text",
]

#: The longest `for` and `keep_firing_for`, and the longest lookback that detect holds windows of.
LONGEST_HELD = "24h"
#: The longest lookback of all: such rules are evaluated from history.
LONGEST_LOOKBACK = "90d"
#: The longest cooldown. It needs no windows, only the time when the alert fired.
LONGEST_COOLDOWN = "7d"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
_NEEDS = re.compile(r"[1-9][0-9]?")


def check_name(reserved: frozenset[str]) -> Callable[[Any], Any]:
    """A name that no alert of callgauge's own has."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise ValueError(
                f"{shown(value)} is no name; use a letter, then letters, digits, _ and -, at most 100 in all"
            )
        if value in reserved:
            raise ValueError(
                "the name is reserved for an alert that detect raises by itself, without a rule; give the rule another"
            )
        return value

    return check


def check_text(most: int) -> Callable[[Any], str]:
    """A text of one line."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"write a text, not {shown(value)}")
        text = joined(value)
        if problem := problem_of_text(text, most):
            raise ValueError(problem)
        return text

    return check


def check_kind(kind: type, such_as: str) -> Callable[[Any], Any]:
    """A list or a mapping."""

    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"write {such_as}, not {shown(value)}")
        return value

    return check


def check_aggregate(value: Any) -> Any:
    """The name of an aggregate."""
    aggregate(value if isinstance(value, str) else shown(value))
    return value


def check_detector(value: Any) -> Any:
    """The name of a detector."""
    detector(value)
    return value


def check_duration(longest: str, *, zero: bool = True) -> Callable[[Any], int]:
    """A duration, to ms."""

    def check(value: Any) -> int:
        ms = duration_ms(value if isinstance(value, str) else shown(value))
        if ms > duration_ms(longest):
            raise ValueError(f"{value} is longer than {longest}, the longest that there is")
        if not ms and not zero:
            raise ValueError(f"{value} holds no window; write e.g. 5m")
        return ms

    return check


def check_limit(value: Any, info: ValidationInfo) -> float:
    """A limit that can tell something about the aggregate."""
    limit = number_of(value)
    if info.data.get("aggregate"):
        judged = aggregate(info.data["aggregate"])
        if str(value).endswith("%") and judged.unit != "%":
            unit = f"in {judged.unit}" if judged.unit else "a plain number"
            raise ValueError(f"{value} is a share, but {judged.name} is {unit}")
        if "op" in info.data and (problem := problem_of_limit(judged, info.data["op"], limit)):
            raise ValueError(problem)
    return limit


def check_parameters(value: Any, info: ValidationInfo) -> dict[str, Any]:
    """Parameters that the rule's detector takes; they are kept as they are written."""
    if not isinstance(value, dict):
        raise ValueError(f"write a mapping, such as {{direction: above}}, not {shown(value)}")
    if "detector" not in info.data:
        return value
    kind = detector(info.data["detector"])
    if kind.name == THRESHOLD:
        raise ValueError("a threshold has no parameters; write value:, or warning: and critical:")
    every_ms = info.data.get("every") or info.data.get("lookback")
    config = kind.parameters.read(value, **({"window_ms": every_ms} if every_ms else {}))
    try:
        kind.make(config)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    return value


def check_severities(value: Any) -> dict[Any, Any]:
    """Which level of the detector is told as which severity."""
    if not isinstance(value, dict) or not value:
        raise ValueError(
            f"write levels and their severities, such as {{high: warning, critical: critical}}, not {shown(value)}"
        )
    for level, severity in value.items():
        if level not in LEVELS[1:]:
            raise ParameterError(unknown(level, "level of a detector", LEVELS[1:], plain=True))
        if severity not in get_args(Severity):
            raise ParameterError(unknown(severity, "severity", get_args(Severity), SEVERITIES_MEANT), (level,))
    return value


def check_needs(value: Any) -> Any:
    """How many conditions must hold."""
    if value in ("any", "all"):
        return value
    if isinstance(value, bool) or not _NEEDS.fullmatch(str(value)):
        raise ValueError(f"write any, all, or how many conditions must hold, such as 2, not {shown(value)}")
    return int(str(value))
