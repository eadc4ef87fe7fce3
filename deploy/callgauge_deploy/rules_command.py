"""`callgauge rules`: checks a rule file, and tells where each of its rules is judged; `test` is in backtest_command,
`push` and `list` in rule_set_commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.errors import CallgaugeError
from callgauge.printable import json_printable, printable
from callgauge.settings import Settings, load_settings
from callgauge_deploy.backtest_command import rules_test
from callgauge_deploy.command import load, store_settings
from callgauge_deploy.rule_set_commands import rules_list, rules_push

if TYPE_CHECKING:
    from callgauge_rules.placing import Placed

__all__ = ["check", "rules_app", "series_sql"]

rules_app = typer.Typer(help="Check rule files, try them on the past, and put them in force.", no_args_is_help=True)
rules_app.command("test")(rules_test)
rules_app.command("push")(rules_push)
rules_app.command("list")(rules_list)

#: So far back a series must have had calls to be judged now.
_RECENT_H = 1
Count = Callable[["Placed"], int]


@rules_app.command()
def check(
    file: Annotated[
        str, typer.Argument(help="A rule file, or default or seeds; left out: CALLGAUGE_RULES_FILE.", metavar="FILE")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Check a rule file, and print where each rule is judged and why, and how many series it would judge now.

    The exit code is 1 if something is wrong with the file; each mistake is a line on standard error. Series can only be
    counted where a store is reachable.
    """
    from callgauge_deploy.results import print_rows

    placing = load("callgauge_rules.placing", "streams")
    rules = load("callgauge_rules.rules", "streams")
    grouping = load("callgauge_windows.grouping", "streams")
    settings = load_settings()
    path = Path(file) if file else settings.rules_file
    placed = placing.place(rules.load_rules(path), grouping.parse_groupings(settings.groupings))
    counts, unknown = _counted(placed, store_settings())
    if as_json:
        found = [_row(each, counts.get(each.rule.name)) for each in placed]
        typer.echo(json_printable(json.dumps({"rules": found, "series_unknown": unknown}, ensure_ascii=False)))
        return
    rows = [_row(each, counts.get(each.rule.name)) for each in placed]
    print_rows(list(rows[0]), [list(row.values()) for row in rows])
    history = sum(each.bound is None for each in placed)
    rules = "1 rule" if len(placed) == 1 else f"{len(placed)} rules"
    typer.echo(f"{rules}: {len(placed) - history} judged in the stream, {history} evaluated from history")
    if unknown:
        typer.echo(printable(f"how many series they would judge now cannot be known: {unknown}"))


def _counted(placed: list[Placed], settings: Settings) -> tuple[dict[str, int], str]:
    """How many series each rule of the stream would judge now; or why that cannot be known."""
    found: dict[str, int] = {}
    try:
        with load("callgauge_history.query", "sinks").asking(settings) as ask:
            for each in (each for each in placed if each.bound):
                found[each.rule.name] = int(ask(series_sql(each)).rows[0][0])
    except CallgaugeError as error:
        return {}, str(error).splitlines()[0]
    return found, ""


def series_sql(placed: Placed) -> str:
    """Counts the series that had windows lately."""
    bound = placed.bound
    if bound is None:
        raise ValueError("only rules of the stream have series")
    table = "windows" if bound.of_calls else "score_windows"
    wanted = [f"grouping = {_quoted(bound.grouping.name)}", f"window_start > now() - INTERVAL {_RECENT_H} HOUR"]
    wanted += [f"{label} = {_quoted(value)}" for label, value in bound.rule.where.items()]
    return f"SELECT uniqExact(series_id) FROM {table} WHERE {' AND '.join(wanted)}"  # noqa: S608 (quoted below)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _row(placed: Placed, series: int | None) -> Mapping[str, Any]:
    rule = placed.rule
    detectors = dict.fromkeys(judged.detector for judged in rule.judged)
    limits = ", ".join(rule.limits) or ", ".join(dict.fromkeys(rule.severities.values())) or rule.severity
    return {
        "rule": rule.name,
        "severity": limits,
        "judges": ", ".join(dict.fromkeys(judged.aggregate for judged in rule.judged)),
        "detector": ", ".join(detectors),
        "where": "stream" if placed.bound else "history",
        "why": placed.why,
        "series_now": series,
    }
