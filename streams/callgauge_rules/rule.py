"""A rule: its fields, each read from text or a number and checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationInfo

from callgauge.counted import LABELS
from callgauge.schema import Severity
from callgauge.texts import joined
from callgauge_detectors.threshold import Op
from callgauge_rules.aggregates import aggregate
from callgauge_rules.durations import duration_ms
from callgauge_rules.limits import count_of, number_of, problem_of_limit
from callgauge_rules.names import LABELS_MEANT, OPS_MEANT, SEVERITIES_MEANT, one_of
from callgauge_rules.texts import problem_of_text, shown

__all__ = ["LONGEST_COOLDOWN", "LONGEST_HELD", "RECORDS_LOST", "RESERVED", "TOO_MANY_SERIES", "Rule"]

#: Retention ate records before they were counted; see callgauge_streams.detect.losses.
RECORDS_LOST = "records_lost"
#: A label of a service has too many values to be told apart; see callgauge_streams.detect.overflows.
TOO_MANY_SERIES = "too_many_series"
#: The names of the alerts that detect raises by itself, without a rule file. No rule of a file may have one of them,
#: since an alert is known by its rule's name and its labels.
RESERVED = frozenset({RECORDS_LOST, TOO_MANY_SERIES})
#: The longest lookback, `for` and `keep_firing_for`: detect holds the windows of so long.
LONGEST_HELD = "24h"
#: The longest cooldown. It needs no windows, only the time when the alert fired.
LONGEST_COOLDOWN = "7d"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{shown(value)} is no name; use a letter, then letters, digits, _ and -, at most 100 in all")
    if value in RESERVED:
        raise ValueError(
            "the name is reserved for an alert that detect raises by itself, without a rule; give the rule another"
        )
    return value


def _text(most: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"write a text, not {shown(value)}")
        text = joined(value)
        if problem := problem_of_text(text, most):
            raise ValueError(problem)
        return text

    return check


def _kind_of(kind: type, such_as: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"write {such_as}, not {shown(value)}")
        return value

    return check


def _aggregate(value: Any) -> Any:
    aggregate(value if isinstance(value, str) else shown(value))
    return value


def _duration(longest: str, *, zero: bool = True) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        ms = duration_ms(value if isinstance(value, str) else shown(value))
        if ms > duration_ms(longest):
            raise ValueError(
                f"{value} is longer than {longest}; detect holds {LONGEST_HELD} of windows, and remembers for "
                f"{LONGEST_COOLDOWN} when an alert fired; longer ones will need rules that are judged in ClickHouse"
            )
        if not ms and not zero:
            raise ValueError(f"{value} holds no window; write e.g. 5m")
        return ms

    return check


def _limit(value: Any, info: ValidationInfo) -> float:
    limit = number_of(value)
    if "aggregate" in info.data:
        judged = aggregate(info.data["aggregate"])
        if str(value).endswith("%") and judged.unit != "%":
            unit = f"in {judged.unit}" if judged.unit else "a plain number"
            raise ValueError(f"{value} is a share, but {judged.name} is {unit}")
        if "op" in info.data and (problem := problem_of_limit(judged, info.data["op"], limit)):
            raise ValueError(problem)
    return limit


_Held = Annotated[int, BeforeValidator(_duration(LONGEST_HELD))]
_Label = Annotated[str, BeforeValidator(one_of("label", LABELS, LABELS_MEANT))]


class Rule(BaseModel):
    """A threshold on an aggregate over a sliding lookback. Durations are kept in ms."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, BeforeValidator(_name)]
    summary: Annotated[str, BeforeValidator(_text(1_000))] = ""
    by: Annotated[list[_Label], BeforeValidator(_kind_of(list, "a list of labels, such as [service, model]"))] = []
    where: Annotated[
        dict[_Label, Annotated[str, BeforeValidator(_text(256))]],
        BeforeValidator(_kind_of(dict, "labels and their values, such as {service: chat}")),
    ] = {}
    aggregate: Annotated[str, BeforeValidator(_aggregate)]
    lookback: Annotated[int, BeforeValidator(_duration(LONGEST_HELD, zero=False))]
    op: Annotated[Op, BeforeValidator(one_of("comparison", get_args(Op), OPS_MEANT))] = "gt"
    value: Annotated[float, BeforeValidator(_limit)]
    min_count: Annotated[int | None, BeforeValidator(count_of)] = None
    for_: Annotated[_Held, Field(alias="for")] = 0
    keep_firing_for: _Held = 0
    cooldown: Annotated[int, BeforeValidator(_duration(LONGEST_COOLDOWN))] = 0
    severity: Annotated[Severity, BeforeValidator(one_of("severity", get_args(Severity), SEVERITIES_MEANT))] = "warning"
    runbook: Annotated[str, BeforeValidator(_text(1_000))] = ""

    _places: dict[str, str] = PrivateAttr(default_factory=dict)

    def place(self, field: str) -> str:
        """Where a field is written, for a message: "rules.yaml, line 5: slow: lookback"."""
        return self._places.get(field, f"{self.name}: {field}")

    def read_at(self, places: dict[str, str]) -> Rule:
        """Take note of where the fields are written; returns the rule."""
        self._places.update(places)
        return self
