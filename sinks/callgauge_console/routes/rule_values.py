"""GET /v1/rules/values: what each rule's aggregate is now, whether it told of it or not."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge_console.parts import Given
from callgauge_console.routes.rules import known_rules
from callgauge_console.rule_values import end_of, value_of
from callgauge_console.web.access import Reader

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["rules"])


class RuleValueView(BaseModel):
    """Of one rule."""

    rule: str
    aggregate: str
    value: float | None
    labels: dict[str, str] = Field(
        description="The series that has it: the highest, or where less is worse the lowest."
    )
    series: int = Field(description="How many have enough events to be judged.")
    why: str = Field(description="Why there is no value; empty if there is one.")


class RuleValues(BaseModel):
    """The values at one time."""

    at: float = Field(description="The lookbacks end here, epoch seconds.")
    values: list[RuleValueView]


@router.get("/rules/values")
def rule_values(parts: Given, grant: Reader) -> RuleValues:
    """The first condition of each rule in force, over its lookback, asked of the history. Up to an hour back."""
    now = parts.now()
    end_ms = end_of(round(now * 1e3))
    placed = known_rules(parts).since(round(now * 1e3))[0].placed
    ask = parts.ask_of(0.0)  # up to one and the same time the answer stays what it is
    found = [value_of(each, ask, end_ms, grant.sees) for each in placed]
    views = [RuleValueView.model_validate(vars(each)) for each in found]
    return RuleValues(at=end_ms / 1e3, values=views)
