"""The budgets file: what is read, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge.errors import RuleError
from callgauge_history.budgets.budget import severity_of
from callgauge_history.budgets.file import load_budgets

FULL = """
budgets:
  - name: users
    of: cost_usd
    by: user_id
    where: {environment: production}
    limit: 20
    limits: {ada: 100}
    period: month
    time_zone: Europe/Berlin
    soft: 80%
    hard: 120%
    levels: [100%, 50%, 0.8]
  - {name: tokens, of: tokens, limit: 1_000_000, period: day}
"""


def refusal(tmp_path: Path, text: str) -> str:
    file = tmp_path / "b.yaml"
    file.write_text(text)
    with pytest.raises(RuleError) as refused:
        load_budgets(file)
    return str(refused.value).replace(f"{tmp_path}/", "")


def test_everything_is_read(tmp_path: Path) -> None:
    """With defaults for what is left out."""
    (tmp_path / "b.yaml").write_text(FULL)
    users, tokens = load_budgets(tmp_path / "b.yaml")
    assert (users.limit_of("ada"), users.limit_of("bob"), users.levels) == (100, 20, (0.5, 0.8, 1.0))
    assert (tokens.by, tokens.limit, tokens.soft, tokens.hard, tokens.levels) == (
        "",
        1e6,
        0.8,
        1.0,
        (0.5, 0.8, 1.0, 1.5),
    )
    assert users.concerns({"user_id": "x", "environment": "production"})
    assert users.concerns({"user_id": "x"})
    assert not users.concerns({"environment": "production"})
    assert not users.concerns({"user_id": "x", "environment": "test"})
    assert load_budgets(None) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{name: x, limit: 0}", "limit: a budget is more than 0, in dollars, tokens or calls, not '0'"),
        ("{name: x, limit: 5%}", "limit: a budget is more than 0, in dollars, tokens or calls, not '5%'"),
        ("{name: x}", "limit is missing; a budget has name, limit and period"),
        ("{name: x, limit: 1, period: daily}", "period: 'daily' is no period; did you mean day?"),
        ("{name: x, limit: 1, by: user}", "by: 'user' is no label of a budget; did you mean user_id?"),
        ("{name: x, limit: 1, tz: UTC}", "tz is no field of a budget; did you mean time_zone?"),
        ("{name: x, limit: 1, time_zone: Berlin}", "'Berlin' is no time zone; write e.g. UTC or Europe/Berlin"),
        ("{name: x, limit: 1, soft: 2, hard: 1}", "hard: 100% is less than soft, 200%"),
        ("{name: x, limit: 1, limits: {a: 2}}", "limits: needs `by`: the label whose values have other limits"),
        ("{name: x, limit: 1, levels: []}", "levels: write a list of shares, such as [50%, 80%, 100%, 150%]"),
        ("{name: 1x, limit: 1}", "is no name; use a letter"),
        ("{name: x, limit: 1, where: {colour: red}}", "where: 'colour' is no label of a budget"),
        ("{name: x, limit: 1, of: dollars}", "of: 'dollars' is no thing to spend; did you mean cost_usd?"),
        ("just words", "a budget is made of fields, such as name: and limit:"),
    ],
)
def test_a_mistake_is_a_line(tmp_path: Path, line: str, told: str) -> None:
    """File, line, budget, field, and what to do."""
    message = refusal(tmp_path, f"budgets:\n  - {line}\n")
    assert message.startswith("b.yaml, line 2: ")
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "rules: []", "budgets: {}", "- a"])
def test_another_file_is_none(tmp_path: Path, text: str) -> None:
    """What to write is told."""
    assert "write `budgets:` and below it one `- name: ...` for each budget" in refusal(tmp_path, text)


def test_each_budget_has_its_own_name(tmp_path: Path) -> None:
    """Since alerts are known by it."""
    told = refusal(tmp_path, "budgets:\n  - {name: x, limit: 1}\n  - {name: x, limit: 2}\n")
    assert told == "b.yaml, line 3: x: name: used more than once; give each budget its own"


def test_severities_follow_the_share() -> None:
    """Half is to be known, all is an error."""
    assert [severity_of(share) for share in (0.5, 0.8, 1.0, 1.5)] == ["info", "warning", "error", "critical"]
