"""The names that a question may hold: labels and measures, looked up in the tables that declare them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from callgauge.counted import LABELS, MEASURES
from callgauge.errors import QuestionError
from callgauge.near_names import unknown

__all__ = ["CALL_LABELS", "Where", "check_labels", "check_measure", "conditions"]

#: Label -> a value, or several of which one must hold.
Where = Mapping[str, str | Sequence[str]]

#: What single calls can be told apart by, besides the labels of windows.
CALL_LABELS = (*LABELS, "user_id", "session_id", "status", "error_type", "finish_reason", "cache_level", "price_source")


def check_labels(names: Iterable[str], known: Sequence[str] = LABELS) -> tuple[str, ...]:
    """The names, each once, in the order in which they were given.

    Raises:
        QuestionError: one is no label.
    """
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise QuestionError(unknown(name, "label that can be asked for here", known, plain=True))
    return wanted


def check_measure(name: str) -> str:
    """The name of a measure that has a histogram.

    Raises:
        QuestionError: there is none.
    """
    if name not in MEASURES:
        raise QuestionError(unknown(name, "measure", MEASURES, plain=True))
    return name


def conditions(where: Where, known: Sequence[str] = LABELS) -> tuple[str, dict[str, Any]]:
    """The condition of a WHERE clause, and its parameters; "1" if there is none.

    Raises:
        QuestionError: one is no label.
    """
    parts, parameters = [], {}
    for name in check_labels(where, known):
        given = where[name]
        parts.append(f"{name} IN {{where_{name}:Array(String)}}")
        parameters[f"where_{name}"] = [given] if isinstance(given, str) else list(given)
    return " AND ".join(parts) or "1", parameters
