"""GET and POST /v1/rules: what is judged, where, what each rule told last; and other rules from some time on."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge.errors import RuleError
from callgauge.ids import uuid7
from callgauge.schema import Alert, RuleSet
from callgauge_console.parts import Given, Parts
from callgauge_console.routes.alerts import Act, asker
from callgauge_console.web.access import Admin, Reader
from callgauge_console.web.problems import FieldFault, ProblemError
from callgauge_rules.placing import Placed, place
from callgauge_rules.rule import Rule
from callgauge_rules.rule_changes import changes_between
from callgauge_rules.rule_sets import KnownSet, RuleBook
from callgauge_rules.rules import rules_in
from callgauge_windows.grouping import parse_groupings

__all__ = ["known_rules", "router"]

router = APIRouter(prefix="/v1", tags=["rules"])

#: So far ahead a set must be: every worker must know the rules before. A little less is let pass, for clocks.
_AHEAD_S, _SLACK_S = 30.0, 2.0


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


class RuleSetView(BaseModel):
    """A rule set that was pushed."""

    version: str
    effective_from: float
    file: str
    author: str
    why: str
    rules: int


class Rules(BaseModel):
    """The rules in force: those of the last rule set, or of the file that the settings name if none was pushed."""

    file: str
    version: str = Field(description="Of the rule set; empty: the file of the settings.")
    effective_from: float = Field(description="Event time, epoch seconds; 0: from the beginning.")
    author: str
    rules: list[RuleView]
    coming: list[RuleSetView] = Field(description="Sets that come into force later.")
    problem: str = Field(description="Why the rules topic cannot be read; empty if it can.")


class NewRules(BaseModel):
    """A rule file, to judge in place of the rules in force."""

    text: str = Field(min_length=1, max_length=900_000, description="YAML, as docs/rules.md has it.")
    effective_from: float | None = Field(
        default=None,
        ge=0,
        le=4_102_444_800,
        description="Epoch seconds; at least, and by default, 30 s ahead.",
    )
    file: str = Field(default="", max_length=1_024, description="Its name, for messages.")
    why: str = Field(default="", max_length=1_024, description="What others should know.")
    who: str = Field(default="", max_length=256)
    dry_run: bool = Field(default=False, description="Only check it, and say what would change.")


class Pushed(BaseModel):
    """What was pushed, or would be."""

    written: bool
    version: str
    effective_from: float
    rules: int
    changes: list[str] = Field(description="What differs from the rules that are in force then.")


@router.get("/rules")
def rules(parts: Given, grant: Reader) -> Rules:
    """The rules, where each is judged and why, and what it told last."""
    now = parts.now()
    known = known_rules(parts)
    sets = known.since(round(now * 1e3))
    current = sets[0]
    with parts.desk().book() as book:
        told = [alert for alert in book.all() if grant.sees(alert.labels)]
        active = [alert.rule for alert, _ in book.active(now) if grant.sees(alert.labels)]
    views = [_view(each, [alert for alert in told if alert.rule == each.rule.name], active) for each in current.placed]
    return Rules(
        file=current.file or str(parts.settings.rules_file or "default"),
        version=current.version,
        effective_from=current.from_ms / 1e3,
        author=current.author,
        rules=views,
        coming=[_set(each) for each in sets[1:]],
        problem=parts.rules.problem,
    )


@router.post("/rules")
def push_rules(parts: Given, grant: Admin, new: NewRules) -> Pushed:
    """Have other rules judge from some event time on, while everything runs. The file is checked first."""
    now = parts.now()
    effective = new.effective_from if new.effective_from is not None else now + _AHEAD_S
    if effective < now + _AHEAD_S - _SLACK_S:
        raise _wrong("effective_from", "must be 30 s ahead: windows that were judged are not judged again")
    name = new.file or "rules.yaml"
    try:
        placed = place(rules_in(name, new.text.encode()), parse_groupings(parts.settings.groupings))
    except RuleError as error:
        raise ProblemError(
            422, str(error), errors=[FieldFault(where="text", why=line) for line in str(error).splitlines()[:20]]
        ) from error
    by = asker(grant, Act(who=new.who))
    made = RuleSet(
        version=uuid7(now), effective_from=effective, text=new.text, file=name, author=by.who[:256], why=new.why
    )
    before = known_rules(parts).at(round(effective * 1e3)).rules
    changes = changes_between(before, tuple(each.rule for each in placed))
    if not new.dry_run:
        parts.rules.writer.publish(made)
    return Pushed(
        written=not new.dry_run,
        version=made.version,
        effective_from=effective,
        rules=len(placed),
        changes=[str(change) for change in changes],
    )


def known_rules(parts: Parts) -> RuleBook:
    """The rule sets. Raises ProblemError: the rule file of the settings cannot be used."""
    try:
        return parts.rules.book()
    except RuleError as error:
        raise ProblemError(503, f"the rules cannot be read: {error}", retry_after_s=10.0) from error


def _set(known: KnownSet) -> RuleSetView:
    return RuleSetView(
        version=known.version,
        effective_from=known.from_ms / 1e3,
        file=known.file,
        author=known.author,
        why=known.why,
        rules=len(known.placed),
    )


def _wrong(where: str, why: str) -> ProblemError:
    return ProblemError(422, f"{where}: {why}", errors=[FieldFault(where=where, why=why)])


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
