"""Budgets: what is spent, what is left, and whether a user may spend more."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from callgauge.errors import RuleError, SettingError
from callgauge_console.parts import Given, Parts
from callgauge_console.web.access import Grant, Reader
from callgauge_console.web.problems import ProblemError
from callgauge_history.budgets.budget import Budget
from callgauge_history.budgets.check import check_budget
from callgauge_history.budgets.file import load_budgets
from callgauge_history.budgets.spending import Spending, spending

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["budgets"])

Decision = Literal["ok", "soft", "hard"]


class SpendingView(BaseModel):
    """What one value of a budget's label has spent in the present period."""

    budget: str
    by: str = Field(description="The label; empty: all calls together.")
    value: str
    of: str = Field(description="cost_usd, tokens or calls: the unit of the amounts.")
    period: str
    start: float = Field(description="Of the period, epoch seconds.")
    end: float
    limit: float
    spent: float
    left: float
    share: float = Field(description="Of the limit.")
    burn: float = Field(description="How fast, lately: at 1 the budget lasts exactly for its period.")
    exhausted_at: float | None = Field(description="When, if it goes on like that; null: it lasts.")
    calls: int


class Budgets(BaseModel):
    """All budgets, those who have spent most of their limit first."""

    configured: int = Field(description="How many budgets there are; see CALLGAUGE_BUDGETS_FILE.")
    spending: list[SpendingView]


class BudgetOfCall(BaseModel):
    """One budget, and what it would be after the call."""

    spending: SpendingView
    asked: float
    share_after: float
    decision: Decision


class UserBudget(BaseModel):
    """What all budgets say that concern the user: the strictest decides."""

    user: str
    decision: Decision = Field(description="soft: beyond the soft share, warn; hard: beyond the hard one, refuse.")
    allowed: bool
    checks: list[BudgetOfCall]


@router.get("/budgets")
def budgets(parts: Given, grant: Reader, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Budgets:
    """What is spent of each budget, in its present period."""
    found, now_ms = _budgets(parts, grant), round(parts.now() * 1e3)
    spent = [each for budget in found for each in spending(parts.store.query, budget, now_ms)[:limit]]
    return Budgets(
        configured=len(found), spending=[_view(each) for each in sorted(spent, key=lambda each: -each.share)[:limit]]
    )


@router.get("/users/{user:path}/budget")
def budget_of_user(
    parts: Given,
    grant: Reader,
    user: Annotated[str, Path(max_length=256)],
    cost_usd: Annotated[float, Query(ge=0, le=1e9, description="What a call would cost.")] = 0.0,
    tokens: Annotated[int, Query(ge=0, le=1_000_000_000, description="... and take.")] = 0,
    service: Annotated[str, Query(max_length=256, description="Of the call.")] = "",
) -> UserBudget:
    """Whether a user may spend so much more: the question that a service asks before a call."""
    labels = {"user_id": user} | ({"service": service} if service else {})
    now_ms = round(parts.now() * 1e3)
    answer = check_budget(
        parts.store.query, _budgets(parts, grant), labels, at_ms=now_ms, cost_usd=cost_usd, tokens=tokens
    )
    checks = [
        BudgetOfCall(
            spending=_view(each.spending), asked=each.asked, share_after=each.share_after, decision=each.decision
        )
        for each in answer.checks
    ]
    return UserBudget(user=user, decision=answer.decision, allowed=answer.allowed, checks=checks)


def _budgets(parts: Parts, grant: Grant) -> list[Budget]:
    if grant.labels:
        raise ProblemError(403, "budgets are about the calls of all services; this key sees only some")
    try:
        return load_budgets(parts.settings.budgets_file)
    except (RuleError, SettingError) as error:
        raise ProblemError(503, f"the budgets cannot be read: {error}") from error


def _view(each: Spending) -> SpendingView:
    return SpendingView(
        budget=each.budget,
        by=each.by,
        value=each.value,
        of=each.of,
        period=each.period.name,
        start=each.period.start_ms / 1e3,
        end=each.period.end_ms / 1e3,
        limit=each.limit,
        spent=each.spent,
        left=each.left,
        share=each.share,
        burn=each.burn,
        exhausted_at=each.exhausted_at,
        calls=each.calls,
    )
