"""A rule: its fields, each read from text or a number and checked by itself. What must fit together: `rule_checks`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from callgauge.counted import LABELS
from callgauge.near_names import one_of
from callgauge.schema import Severity
from callgauge_detectors.threshold import Op
from callgauge_detectors.verdict import LEVELS, Level
from callgauge_rules.detectors import THRESHOLD
from callgauge_rules.fields import (
    LONGEST_COOLDOWN,
    LONGEST_HELD,
    LONGEST_LOOKBACK,
    check_aggregate,
    check_detector,
    check_duration,
    check_kind,
    check_limit,
    check_name,
    check_needs,
    check_parameters,
    check_severities,
    check_text,
)
from callgauge_rules.limits import count_of
from callgauge_rules.names import LABELS_MEANT, OPS_MEANT, SEVERITIES_MEANT

__all__ = [
    "HISTORY_LABELS",
    "LIMITS",
    "RECORDS_LOST",
    "RESERVED",
    "TOO_MANY_SERIES",
    "ConditionEntry",
    "Judged",
    "Rule",
]

#: Retention ate records before they were counted; see callgauge_streams.detect.losses.
RECORDS_LOST = "records_lost"
#: A label of a service has too many values to be told apart; see callgauge_streams.detect.overflows.
TOO_MANY_SERIES = "too_many_series"
#: The names of the alerts that detect raises by itself, without a rule file. No rule of a file may have one of them,
#: since an alert is known by its rule's name and its labels.
RESERVED = frozenset({RECORDS_LOST, TOO_MANY_SERIES})
#: What calls have and windows do not: rules by these are evaluated from history.
HISTORY_LABELS = ("user_id", "session_id")
#: The limits of a threshold that is told in several severities, the mildest first.
LIMITS: tuple[Severity, ...] = get_args(Severity)

_Held = Annotated[int, BeforeValidator(check_duration(LONGEST_HELD))]
_Label = Annotated[str, BeforeValidator(one_of("label", (*LABELS, *HISTORY_LABELS), LABELS_MEANT))]
_Limit = Annotated[float | None, BeforeValidator(check_limit)]


class Judged(BaseModel):
    """A number of a series and what is said of it: a rule without conditions, or one condition of a rule.

    Durations are kept in ms.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    aggregate: Annotated[str, BeforeValidator(check_aggregate)] = ""
    lookback: Annotated[int, BeforeValidator(check_duration(LONGEST_LOOKBACK, zero=False))] = 0
    every: Annotated[int | None, BeforeValidator(check_duration(LONGEST_HELD, zero=False))] = None
    detector: Annotated[str, BeforeValidator(check_detector)] = THRESHOLD
    parameters: Annotated[dict[str, Any], BeforeValidator(check_parameters)] = {}
    level: Annotated[Level | None, BeforeValidator(one_of("level of a detector", LEVELS[1:], {}))] = None
    op: Annotated[Op, BeforeValidator(one_of("comparison", get_args(Op), OPS_MEANT))] = "gt"
    value: _Limit = None
    min_count: Annotated[int | None, BeforeValidator(count_of)] = None


class ConditionEntry(Judged):
    """One of several conditions on the same series."""

    name: Annotated[str, BeforeValidator(check_text(100))] = ""


_Entry = Annotated[
    ConditionEntry, BeforeValidator(check_kind(dict, "a condition's fields, such as {aggregate: calls}"))
]


class Rule(Judged):
    """A rule of a file."""

    name: Annotated[str, BeforeValidator(check_name(RESERVED))]
    summary: Annotated[str, BeforeValidator(check_text(1_000))] = ""
    by: Annotated[list[_Label], BeforeValidator(check_kind(list, "a list of labels, such as [service, model]"))] = []
    where: Annotated[
        dict[_Label, Annotated[str, BeforeValidator(check_text(256))]],
        BeforeValidator(check_kind(dict, "labels and their values, such as {service: chat}")),
    ] = {}
    info: _Limit = None
    warning: _Limit = None
    error: _Limit = None
    critical: _Limit = None
    conditions: Annotated[list[_Entry], BeforeValidator(check_kind(list, "a list of conditions"))] = []
    needs: Annotated[Literal["any", "all"] | int, BeforeValidator(check_needs)] = "all"
    for_: Annotated[_Held, Field(alias="for")] = 0
    keep_firing_for: _Held = 0
    cooldown: Annotated[int, BeforeValidator(check_duration(LONGEST_COOLDOWN))] = 0
    severity: Annotated[Severity, BeforeValidator(one_of("severity", LIMITS, SEVERITIES_MEANT))] = "warning"
    severities: Annotated[dict[Level, Severity], BeforeValidator(check_severities)] = {}
    role: Annotated[
        Literal["", "cause", "symptom"], BeforeValidator(one_of("role of an alert", ("cause", "symptom"), {}))
    ] = ""
    runbook: Annotated[str, BeforeValidator(check_text(1_000))] = ""

    _places: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Its conditions, or itself."""
        return tuple(self.conditions) or (self,)

    @property
    def limits(self) -> dict[Severity, float]:
        """The limits of several severities, the mildest first."""
        found: dict[Severity, float | None] = {name: getattr(self, name) for name in LIMITS}
        return {name: limit for name, limit in found.items() if limit is not None}

    def place(self, field: str) -> str:
        """Where a field is written, for a message: "rules.yaml, line 5: slow: lookback"."""
        return self._places.get(field, f"{self.name}: {field}")

    def read_at(self, places: dict[str, str]) -> Rule:
        """Take note of where the fields are written; returns the rule."""
        self._places.update(places)
        return self
