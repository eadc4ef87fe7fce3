"""GET /v1/rules: what is judged, where, and what each rule has to say now."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge.errors import RuleError
from callgauge.schema import Alert
from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.problems import ProblemError
from callgauge_rules.placing import Placed, place
from callgauge_rules.rule import Rule
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["rules"])


class LastTold(BaseModel):
    """What an alert of the rule told last."""

    alert_id: str
    at: float
    state: str
    labels: dict[str, str]
    value: float | None


class RuleView(BaseModel):
    """One rule."""

    name: str
    summary: str
    by: list[str]
    where: dict[str, str]
    judges: list[str] = Field(description="Aggregates.")
    detectors: list[str]
    op: str
    limits: dict[str, float] = Field(description="Severity -> limit, as far as the rule has plain limits.")
    severity: str
    lookback_s: float
    place: str = Field(description="stream, or history.")
    why: str = Field(description="Why it is judged there.")
    runbook: str
    active: int = Field(description="Alerts of it that are active now.")
    last: LastTold | None = Field(description="null: it has told of nothing that is kept on the bus.")


class Rules(BaseModel):
    """The rules that this console's settings name, as detect reads them at its start."""

    file: str
    rules: list[RuleView]


@router.get("/rules")
def rules(parts: Given, grant: Reader) -> Rules:
    """The rules, where each is judged and why, and what it told last."""
    settings = parts.settings
    try:
        placed = place(load_rules(settings.rules_file), parse_groupings(settings.groupings))
    except RuleError as error:
        raise ProblemError(503, f"the rules cannot be read: {error}") from error
    now = parts.now()
    with parts.desk().book() as book:
        told = [alert for alert in book.all() if grant.sees(alert.labels)]
        active = [alert.rule for alert, _ in book.active(now) if grant.sees(alert.labels)]
    views = [_view(each, [alert for alert in told if alert.rule == each.rule.name], active) for each in placed]
    return Rules(file=str(settings.rules_file or "default"), rules=views)


def _view(placed: Placed, told: list[Alert], active: list[str]) -> RuleView:
    rule = placed.rule
    last = max(told, key=lambda alert: alert.at, default=None)
    judged = rule.judged
    return RuleView(
        name=rule.name,
        summary=rule.summary,
        by=list(rule.by),
        where=dict(rule.where),
        judges=list(dict.fromkeys(each.aggregate for each in judged)),
        detectors=list(dict.fromkeys(each.detector for each in judged)),
        op=rule.op,
        limits=_limits(rule),
        severity=rule.severity,
        lookback_s=max(each.lookback for each in judged) / 1_000,
        place="stream" if placed.bound else "history",
        why=placed.why,
        runbook=rule.runbook,
        active=active.count(rule.name),
        last=None if last is None else LastTold.model_validate(last, from_attributes=True),
    )


def _limits(rule: Rule) -> dict[str, float]:
    one = {} if rule.value is None else {str(rule.severity): rule.value}
    return {str(severity): limit for severity, limit in rule.limits.items()} or one
