"""A budget, as it stands in the budgets file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict

from callgauge.line_texts import shown
from callgauge.near_names import one_of
from callgauge.schema import Severity
from callgauge_history.budgets.periods import PERIODS, Length
from callgauge_history.tiers.usage import USAGE_LABELS
from callgauge_rules.fields import check_kind, check_name, check_text
from callgauge_rules.limits import number_of
from callgauge_rules.names import LABELS_MEANT

__all__ = ["LEVELS", "SPENT_IN", "Budget", "Spent", "severity_of"]

Spent = Literal["cost_usd", "tokens", "calls"]
SPENT_IN: tuple[Spent, ...] = get_args(Spent)
#: The shares of a budget at which an alert is told, unless it says otherwise.
LEVELS = (0.5, 0.8, 1.0, 1.5)

_OF_MEANT = {
    **dict.fromkeys(("cost", "usd", "dollars", "spend"), "cost_usd"),
    **dict.fromkeys(("token", "total_tokens"), "tokens"),
    **dict.fromkeys(("requests", "count"), "calls"),
}
_PERIOD_MEANT = {"daily": "day", "weekly": "week", "monthly": "month"}
_MOST_SHARE = 100.0


def _zone(value: Any) -> str:
    try:
        ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{shown(value)} is no time zone; write e.g. UTC or Europe/Berlin") from None
    return str(value)


def _amount(value: Any) -> float:
    amount = number_of(value)
    if amount <= 0 or str(value).endswith("%"):
        raise ValueError(f"a budget is more than 0, in dollars, tokens or calls, not {shown(value)}")
    return amount


def _share(value: Any) -> float:
    share = number_of(value)
    if not 0 < share <= _MOST_SHARE:
        raise ValueError(f"a share of a budget is more than 0 and at most 10000%, such as 80%, not {shown(value)}")
    return share


def _shares(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"write a list of shares, such as [50%, 80%, 100%, 150%], not {shown(value)}")
    return tuple(sorted({_share(each) for each in value}))


def _limits(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError(f"write values of the label and their limits, such as {{ada: 100}}, not {shown(value)}")
    return {str(name): _amount(each) for name, each in value.items()}


_MEANT = {**LABELS_MEANT, "user": "user_id"}
_Label = Annotated[str, BeforeValidator(one_of("label of a budget", USAGE_LABELS, _MEANT))]


class Budget(BaseModel):
    """What may be spent in a period.

    Attributes:
        of: what is spent: cost_usd, tokens (input and output), calls.
        by: each value of this label has the budget for itself; "" : all calls together.
        where: of calls with these labels only.
        limit: how much.
        limits: other limits for single values of `by`.
        soft, hard: shares of the limit from which `check_budget` warns, and refuses.
        levels: shares at which an alert is told, once in each period; see `level_of`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, BeforeValidator(check_name(frozenset()))]
    of: Annotated[Spent, BeforeValidator(one_of("thing to spend", SPENT_IN, _OF_MEANT))] = "cost_usd"
    by: Annotated[
        str, BeforeValidator(one_of("label of a budget", ("", *USAGE_LABELS), {**LABELS_MEANT, "user": "user_id"}))
    ] = ""
    where: Annotated[
        dict[_Label, Annotated[str, BeforeValidator(check_text(256))]],
        BeforeValidator(check_kind(dict, "labels and their values, such as {service: chat}")),
    ] = {}
    limit: Annotated[float, BeforeValidator(_amount)]
    limits: Annotated[dict[str, float], BeforeValidator(_limits)] = {}
    period: Annotated[Length, BeforeValidator(one_of("period", PERIODS, _PERIOD_MEANT))] = "month"
    time_zone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    soft: Annotated[float, BeforeValidator(_share)] = 0.8
    hard: Annotated[float, BeforeValidator(_share)] = 1.0
    levels: Annotated[tuple[float, ...], BeforeValidator(_shares)] = LEVELS
    summary: Annotated[str, BeforeValidator(check_text(1_000))] = ""
    runbook: Annotated[str, BeforeValidator(check_text(1_000))] = ""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose calendar counts."""
        return ZoneInfo(self.time_zone)

    def limit_of(self, value: str) -> float:
        """The limit of a value of `by`."""
        return self.limits.get(value, self.limit)

    def level_of(self, share: float) -> float | None:
        """The highest level that so much of the limit reaches: the lower ones are part of it. None: it reaches none."""
        return max((level for level in self.levels if share >= level), default=None)

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether a call with these labels is spent from it. What is not given may be anything, but for `by`."""
        fits = all(labels.get(label, value) == value for label, value in self.where.items())
        return fits and (not self.by or bool(labels.get(self.by)))


def severity_of(share: float) -> Severity:
    """How severe it is that so much of a budget is spent."""
    if share < 0.8:
        return "info"
    if share < 1.0:
        return "warning"
    return "error" if share < 1.5 else "critical"
