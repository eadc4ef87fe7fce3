"""Reads the budgets file; each mistake is a line with file, line, budget and what to do.

budgets:
  - name: users
    of: cost_usd              # cost_usd, tokens, calls
    by: user_id               # each user has it for himself; left out: all calls together
    where: {environment: production}
    limit: 20
    limits: {ada: 100}        # other limits for some
    period: month             # day, week, month
    time_zone: Europe/Berlin
    soft: 80%                 # from here on `check_budget` warns
    hard: 100%                # from here on it refuses
    levels: [50%, 80%, 100%, 150%]   # an alert at each, of which the highest is on
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callgauge.line_texts import shown
from callgauge.near_names import unknown
from callgauge_history.budgets.budget import Budget
from callgauge_rules.yaml_file import YamlFile, kind_of, raw_of
from callgauge_rules.yaml_values import Place

__all__ = ["load_budgets"]

_FORM = "write `budgets:` and below it one `- name: ...` for each budget"
_MEANT = {
    **dict.fromkeys(("amount", "max", "value", "budget"), "limit"),
    **dict.fromkeys(("metric", "aggregate", "unit"), "of"),
    **dict.fromkeys(("per", "group_by", "label"), "by"),
    **dict.fromkeys(("tz", "timezone", "zone"), "time_zone"),
    **dict.fromkeys(("window", "interval", "every"), "period"),
    **dict.fromkeys(("alerts", "thresholds", "alert_at"), "levels"),
}


class _BudgetFile(YamlFile):
    what = "budgets file"

    def words(self, of: Place) -> list[str]:
        """The part's name, that of its budget first."""
        words = super().words(of)
        if len(of) > 1 and of[0] == "budgets" and isinstance(of[1], int):
            entry = self.content["budgets"][of[1]]
            name = entry.get("name") if isinstance(entry, dict) else None
            words[0] = shown(name, plain=True) if isinstance(name, str) and name else f"budget {of[1] + 1}"
        return words


def load_budgets(path: Path | None) -> list[Budget]:
    """The budgets of a file; none without one.

    Raises:
        RuleError: one line for each mistake.
    """
    if path is None:
        return []
    file = _BudgetFile(str(path), raw_of(path, "CALLGAUGE_BUDGETS_FILE names a YAML file of budgets"))
    found = [budget for at, entry in enumerate(_entries(file)) if (budget := _checked(file, at, entry))]
    first: dict[str, int] = {}
    for at, budget in enumerate(found):
        if first.setdefault(budget.name, at) != at:
            file.note(("budgets", at, "name"), "used more than once; give each budget its own")
    file.refuse_mistakes()
    return found


def _entries(file: _BudgetFile) -> list[Any]:
    content = file.content
    if not isinstance(content, dict) or not isinstance(content.get("budgets"), list):
        found = "the file is empty" if content is None else f"the file holds {kind_of(content)}"
        file.note((), f"{found}; {_FORM}")
        return []
    for key in content.keys() - {"budgets"}:
        file.note((key,), f"{shown(key, plain=True)} is no part of a budgets file; {_FORM}", of=())
    entries: list[Any] = content["budgets"]
    return entries


def _checked(file: _BudgetFile, at: int, entry: Any) -> Budget | None:
    if not isinstance(entry, dict):
        file.note(("budgets", at), f"a budget is made of fields, such as name: and limit:; this is {shown(entry)}")
        return None
    try:
        budget = Budget.model_validate(entry)
    except ValidationError as error:
        for wrong in error.errors():
            _note(file, at, wrong)
        return None
    if budget.limits and not budget.by:
        file.note(("budgets", at, "limits"), "needs `by`: the label whose values have other limits")
    if budget.hard < budget.soft:
        file.note(("budgets", at, "hard"), f"{budget.hard:.0%} is less than soft, {budget.soft:.0%}")
    return budget


def _note(file: _BudgetFile, at: int, wrong: Any) -> None:
    here = ("budgets", at, *wrong["loc"])
    match wrong["type"]:
        case "extra_forbidden":
            what = unknown(wrong["loc"][-1], "field of a budget", Budget.model_fields, _MEANT, plain=True)
            file.note(here, what, of=here[:-1])
        case "missing":
            what = f"{wrong['loc'][-1]} is missing; a budget has name, limit and period"
            file.note(here, what, of=here[:-1])
        case _:
            error = wrong.get("ctx", {}).get("error", wrong["msg"])
            file.note(here, str(error), of=here[:-2] if here[-1] == "[key]" else None)
