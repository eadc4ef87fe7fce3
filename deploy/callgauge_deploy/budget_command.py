"""`callgauge budget`: what has been spent from budgets, and whether somebody may spend more."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.errors import SettingError
from callgauge.printable import json_printable
from callgauge.settings import load_settings
from callgauge_deploy.command import load, store_settings

if TYPE_CHECKING:
    from callgauge_history.budgets.spending import Spending

__all__ = ["budget_app", "labels_of"]

budget_app = typer.Typer(
    help="Budgets of users, features, services: what is spent, and what is left.", no_args_is_help=True
)

_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
_File = Annotated[str, typer.Option("--file", help="A budgets file; left out: CALLGAUGE_BUDGETS_FILE.", metavar="FILE")]
#: What `check` exits with.
_CODES = {"ok": 0, "soft": 3, "hard": 1}
_NAMES = ("budget", "whose", "period", "spent", "limit", "share", "burn", "exhausted at", "calls")


@budget_app.command("list")
def list_budgets(
    name: Annotated[str, typer.Argument(help="One budget only.", metavar="BUDGET")] = "",
    most: Annotated[int, typer.Option(min=1, help="Of each budget so many, those who have spent most first.")] = 20,
    file: _File = "",
    as_json: _Json = False,
) -> None:
    """Show what has been spent of each budget in its present period.

    burn: how fast, in the last 24th of a period: at 1 the budget lasts exactly for its period. exhausted at: when the
    limit is reached if it goes on like that; empty if it lasts.
    """
    chosen = [budget for budget in _budgets(file) if name in ("", budget.name)]
    if not chosen:
        raise SettingError(f"there is no budget {name!r} in the file")
    spending = load("callgauge_history.budgets.spending", "evaluator")
    now_ms = round(time.time() * 1000)
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        found = [each for budget in chosen for each in spending.spending(ask, budget, now_ms)[:most]]
    if as_json:
        typer.echo(_json([_object(each) for each in found]))
        return
    from callgauge_deploy.results import print_rows

    if found:
        print_rows(_NAMES, [_row(each) for each in found])
    else:
        typer.echo("nothing has been spent in the present periods")


@budget_app.command()
def check(
    user: Annotated[str, typer.Option(help="The user who would spend.", metavar="USER")] = "",
    cost: Annotated[float | None, typer.Option(min=0.0, help="Dollars that the call would cost.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Tokens that the call would take.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="A label of the call: service=chat", metavar="NAME=VALUE")
    ] = None,
    file: _File = "",
    as_json: _Json = False,
) -> None:
    """Ask all budgets that concern a call.

    The exit code is 0 if all allow it, 3 if one is beyond its soft share, and 1 if one is beyond its hard share.
    """
    labels = labels_of(label or []) | ({"user_id": user} if user else {})
    module = load("callgauge_history.budgets.check", "evaluator")
    now_ms = round(time.time() * 1000)
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        answer = module.check_budget(ask, _budgets(file), labels, at_ms=now_ms, cost_usd=cost, tokens=tokens)
    if as_json:
        checks = [
            _object(each.spending) | {"asked": each.asked, "share_after": each.share_after, "decision": each.decision}
            for each in answer.checks
        ]
        typer.echo(_json({"decision": answer.decision, "allowed": answer.allowed, "checks": checks}))
    else:
        from callgauge_deploy.results import print_rows

        rows = [(each.decision, *_row(each.spending), f"{each.share_after:.1%}") for each in answer.checks]
        if rows:
            print_rows(("decision", *_NAMES, "share after"), rows)
        typer.echo(answer.decision if rows else "ok: no budget concerns this call")
    if code := _CODES[answer.decision]:
        raise typer.Exit(code)


def _budgets(file: str) -> list[Any]:
    path = Path(file) if file else load_settings().budgets_file
    if path is None:
        raise SettingError("there are no budgets: name a file by --file or CALLGAUGE_BUDGETS_FILE (docs/budgets.md)")
    found: list[Any] = load("callgauge_history.budgets.file", "evaluator").load_budgets(path)
    return found


def labels_of(given: list[str]) -> dict[str, str]:
    """Labels that were given as NAME=VALUE."""
    from callgauge.counted import LABELS
    from callgauge.near_names import unknown

    labels = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise SettingError(f"--label {each!r}: write a label and its value, such as service=chat")
        if name not in (*LABELS, "user_id", "session_id"):
            raise SettingError(f"--label {each!r}: {unknown(name, 'label', LABELS, plain=True)}")
        labels[name] = value
    return labels


def _row(spent: Spending) -> tuple[Any, ...]:
    from callgauge_deploy.alert_rows import utc

    whose = f"{spent.by}={spent.value}" if spent.by else "all calls"
    at = spent.exhausted_at
    exhausted = "" if at is None else "reached" if spent.left == 0 else utc(at)
    unit = "$" if spent.of == "cost_usd" else ""
    return (
        spent.budget,
        whose,
        spent.period.name,
        f"{unit}{_number(spent.spent)}",
        f"{unit}{_number(spent.limit)}",
        f"{spent.share:.1%}",
        f"{spent.burn:.2f}",
        exhausted,
        spent.calls,
    )


def _object(spent: Spending) -> dict[str, Any]:
    period = spent.period
    return asdict(spent) | {
        "period": {"name": period.name, "start": period.start_ms / 1000, "end": period.end_ms / 1000},
        "share": spent.share,
        "left": spent.left,
        "burn": spent.burn,
        "exhausted_at": spent.exhausted_at,
    }


def _json(found: Any) -> str:
    return json_printable(json.dumps(found, indent=2, ensure_ascii=False))


def _number(value: float) -> str:
    """Six digits of what is small, all of what is large.

    >>> _number(0.0123456789), _number(8.0), _number(46_575_445.0)
    ('0.0123457', '8', '46,575,445')
    """
    return f"{value:,.6g}" if abs(value) < 100_000 else f"{value:,.0f}"
