"""Names that a rule file may use: which one was meant when a name is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from callgauge_rules.texts import shown

__all__ = ["FIELDS_MEANT", "LABELS_MEANT", "OPS_MEANT", "SEVERITIES_MEANT", "nearest", "one_of", "unknown"]

_NONE: Mapping[str, str] = MappingProxyType({})

#: What other systems, or a hurried mind, call the fields of a rule -> the field.
FIELDS_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("threshold", "limit", "above", "below"), "value"),
        **dict.fromkeys(("metric", "expr", "measure", "aggregation"), "aggregate"),
        **dict.fromkeys(("alert", "title", "id"), "name"),
        **dict.fromkeys(("group_by", "labels", "dimensions"), "by"),
        **dict.fromkeys(("filter", "match", "matchers", "if"), "where"),
        **dict.fromkeys(("window", "range", "over"), "lookback"),
        **dict.fromkeys(("interval", "step", "evaluate_every"), "every"),
        **dict.fromkeys(("algorithm", "method", "type", "model"), "detector"),
        **dict.fromkeys(("params", "options", "config", "with", "args"), "parameters"),
        **dict.fromkeys(("any", "all", "of", "composite"), "conditions"),
        **dict.fromkeys(("at_least", "need", "require", "min_conditions"), "needs"),
        **dict.fromkeys(("warn",), "warning"),
        **dict.fromkeys(("operator", "comparison", "condition"), "op"),
        **dict.fromkeys(("duration", "pending_for"), "for"),
        **dict.fromkeys(("min_calls", "min_events", "min_samples", "minimum"), "min_count"),
        **dict.fromkeys(("priority",), "severity"),
        **dict.fromkeys(("description", "message", "text", "annotations"), "summary"),
        **dict.fromkeys(("url", "link", "playbook"), "runbook"),
    }
)
OPS_MEANT = MappingProxyType(
    {
        **dict.fromkeys((">", "above", "greater"), "gt"),
        **dict.fromkeys((">=", "gte", "at_least"), "ge"),
        **dict.fromkeys(("<", "below", "less"), "lt"),
        **dict.fromkeys(("<=", "lte", "at_most"), "le"),
        **dict.fromkeys(("=", "==", "equal"), "eq"),
        **dict.fromkeys(("!=", "<>", "not"), "ne"),
    }
)
SEVERITIES_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("page", "fatal", "emergency", "high", "sev1", "p1"), "critical"),
        **dict.fromkeys(("warn", "medium"), "warning"),
        **dict.fromkeys(("low", "notice", "debug"), "info"),
    }
)
LABELS_MEANT = MappingProxyType(
    {"env": "environment", "svc": "service", "app": "service", "job": "service", "route": "endpoint"}
)


def nearest(name: str, known: Iterable[str], meant: Mapping[str, str] = _NONE) -> str:
    """The known name that was probably meant, "" if none is near.

    >>> nearest("serivce", ["service", "model"])
    'service'

    Args:
        meant: other words for known names.
    """
    word = name[:60].strip().lower()
    if word in meant:
        return meant[word]
    names = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.replace("-", "_"), names, n=1)
    return names[found[0]] if found else ""


def unknown(
    name: object,
    what: str,
    known: Iterable[str],
    meant: Mapping[str, str] = MappingProxyType({}),
    *,
    plain: bool = False,
) -> str:
    """A sentence that says that there is no such thing, and what was meant or what there is.

    >>> unknown("threshold", "field of a rule", ["value", "op"], FIELDS_MEANT, plain=True)
    'threshold is no field of a rule; did you mean value?'
    """
    known = list(known)
    guess = nearest(name, known, meant) if isinstance(name, str) else ""
    rest = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}"
    return f"{shown(name, plain=plain)} is no {what}; {rest}"


def one_of(what: str, known: Iterable[str], meant: Mapping[str, str]) -> Callable[[Any], Any]:
    """Make a check that passes known names and raises ValueError for all else."""
    known = tuple(known)

    def check(name: Any) -> Any:
        if name not in known:
            raise ValueError(unknown(name, what, known, meant))
        return name

    return check
