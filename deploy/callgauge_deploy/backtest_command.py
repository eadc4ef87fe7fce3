"""`callgauge rules test`: what the rules of a file would have told about the past."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.errors import RuleError, SettingError, StoreError
from callgauge.printable import printable
from callgauge.settings import Settings, load_settings
from callgauge_deploy.command import load, store_settings
from callgauge_deploy.time_asked import time_ms

if TYPE_CHECKING:
    from callgauge_deploy.backtest_report import Tested
    from callgauge_rules.bound import BoundRule

__all__ = ["rules_test"]

# Windows of the last minute may not be stored yet: it would seem as if calls were missing.
_STORED_AFTER_MS = 60_000


def rules_test(
    file: Annotated[str, typer.Argument(help="A rule file, or default or seeds.", metavar="FILE")],
    begin: Annotated[
        str, typer.Option("--from", help="A time (2026-01-31T16:30Z), or how long ago (7d, 12h).", metavar="TIME")
    ] = "",
    end: Annotated[str, typer.Option("--to", help="The same, or now.", metavar="TIME")] = "now",
    trace: Annotated[
        Path | None,
        typer.Option("--trace", help="Judge the calls in this file, not those in the store; --from may be left out."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Test the rules that are evaluated from history, in place of the others.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    png: Annotated[
        Path | None, typer.Option("--png", help="Draw what fired into this file too (extra notify).", metavar="FILE")
    ] = None,
) -> None:
    """Print when each rule of a file would have fired between two times, and how often a day somebody would be paged.

    The windows in ClickHouse are judged by the engine that judges them live. Windows before --from are read too, as
    many as the rules look back, so that detectors that learn know the series by then. Times are UTC.

    With --trace the calls are those of a file: one call a line as on the bus (.jsonl), or a recorded trace that
    `callgauge replay` reads, plain or as .gz.
    """
    report = load("callgauge_deploy.backtest_report", "streams")
    picture = load("callgauge_deploy.backtest_picture", "notify") if png else None
    now_ms = round(time.time() * 1000)
    if trace is not None:
        if history:
            raise SettingError("--trace holds calls of the stream; rules from history ask the store: leave one out")
        from_ms = time_ms(begin, now_ms, "--from") if begin else None
        tested = _trace_tested(Path(file), trace, from_ms, None if end == "now" else time_ms(end, now_ms, "--to"))
    else:
        tested = (_history_tested if history else _tested)(Path(file), *_times(begin, end, now_ms))
    if as_json:
        typer.echo(report.json_report(tested))
    else:
        report.print_report(tested)
    if picture is not None:
        shown = picture.draw_episodes(tested.episodes, tested.to_ms / 1000, png)
        typer.echo(printable(f"{png}: {shown} of {len(tested.episodes)} episodes"), err=as_json)


def _times(begin: str, end: str, now_ms: int) -> tuple[int, int]:
    if not begin:
        raise SettingError("--from is missing: from which time on are the windows in the store to be judged? e.g. 7d")
    from_ms, to_ms = time_ms(begin, now_ms, "--from"), time_ms(end, now_ms, "--to")
    if from_ms >= (to_ms := min(to_ms, now_ms - _STORED_AFTER_MS)):
        raise SettingError(f"--from {begin} must be before --to {end}, and more than a minute ago")
    return from_ms, to_ms


def _trace_tested(path: Path, trace: Path, from_ms: int | None, to_ms: int | None) -> Tested:
    settings = load_settings()
    rules, left_out = _rules_of(path, settings)
    tested: Tested = load("callgauge_deploy.trace_judged", "streams").judged_trace(
        trace, rules, left_out, settings, from_ms, to_ms
    )
    return replace(tested, notes=_baselines_unknown(rules))


def _tested(path: Path, from_ms: int, to_ms: int) -> Tested:
    backtest = load("callgauge_streams.detect.backtest", "streams")
    episodes = load("callgauge_streams.detect.episodes", "streams")
    values = load("callgauge_streams.detect.episode_values", "streams")
    settings = load_settings()
    rules, left_out = _rules_of(path, settings)
    warm_from_ms = from_ms - backtest.warm_ms(rules)
    query, stored = load("callgauge_history.query", "sinks"), load("callgauge_deploy.stored_windows", "sinks")
    with query.asking(store_settings()) as ask:
        span = stored.stored_span(ask, rules)
        _refuse_nothing(span, rules, from_ms, to_ms)
        rows = stored.stored_windows(ask, rules, warm_from_ms, to_ms)
        found = episodes.episodes_of(backtest.backtest(rules, rows, to_ms), from_ms / 1000)
        if found:
            begin_ms = values.rows_from_ms(found, rules)
            found = values.with_values(found, rules, stored.stored_windows(ask, rules, begin_ms, to_ms), to_ms)
    report = load("callgauge_deploy.backtest_report", "streams")
    tested: Tested = report.Tested(
        from_ms=from_ms,
        to_ms=to_ms,
        read_from_ms=max(warm_from_ms, span[0]),
        warm_from_ms=warm_from_ms,
        rules=[rule.rule.name for rule in rules],
        left_out=left_out,
        episodes=found,
        notes=_baselines_unknown(rules),
    )
    return tested


def _baselines_unknown(rules: list[BoundRule]) -> tuple[str, ...]:
    """What is different for rules that compare with pinned baselines live."""
    asks = load("callgauge_rules.baselines", "streams").asks_for_baselines
    found = {rule.rule.name: [each for each in rule.conditions if asks(each, rule.grouping.labels)] for rule in rules}
    never = [name for name, each in found.items() if any(getattr(c.config, "only_pinned", False) for c in each)]
    others = [name for name, each in found.items() if each and name not in never]
    notes = []
    if others:
        notes.append(
            f"compared with the time before, since baselines that are pinned are not known here: {', '.join(others)}"
        )
    if never:
        notes.append(f"cannot fire here, since it compares with pinned baselines alone: {', '.join(never)}")
    return tuple(notes)


def _history_tested(path: Path, from_ms: int, to_ms: int) -> Tested:
    """The rules that are evaluated from history, judged instant by instant as the evaluator does it."""
    binding, backtest = (load(f"callgauge_evaluator.{name}", "evaluator") for name in ("binding", "backtest"))
    episodes = load("callgauge_streams.detect.episodes", "streams")
    placed = _placed(path, load_settings())
    rules, refused = binding.bind_history(placed)
    if not rules and refused:
        raise RuleError(f"{path}: {'; '.join(f'{name} is judged nowhere: {why}' for name, why in refused.items())}")
    if not rules:
        raise RuleError(f"{path}: none of its rules is evaluated from history; leave --history out")
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        found = episodes.episodes_of(backtest.backtest_history(rules, ask, from_ms, to_ms), from_ms / 1000)
    tested: Tested = load("callgauge_deploy.backtest_report", "streams").Tested(
        from_ms=from_ms,
        to_ms=to_ms,
        read_from_ms=from_ms,
        warm_from_ms=from_ms,
        rules=[rule.name for rule in rules],
        left_out=[each.rule.name for each in placed if each.bound],
        episodes=found,
        notes=tuple(f"{name} is judged nowhere: {why}" for name, why in refused.items()),
        others="leave --history out",
    )
    return tested


def _placed(path: Path, settings: Settings) -> list[Any]:
    placing, rules = load("callgauge_rules.placing", "streams"), load("callgauge_rules.rules", "streams")
    grouping = load("callgauge_windows.grouping", "streams")
    placed: list[Any] = placing.place(rules.load_rules(path), grouping.parse_groupings(settings.groupings))
    return placed


def _rules_of(path: Path, settings: Settings) -> tuple[list[BoundRule], list[str]]:
    """The rules that the stream judges, and the names of the others."""
    placed = _placed(path, settings)
    bound = [each.bound for each in placed if each.bound]
    if not bound:
        raise RuleError(
            f"{path}: none of its rules is judged in the stream (`callgauge rules check`); --history tests others"
        )
    return bound, [each.rule.name for each in placed if not each.bound]


def _refuse_nothing(span: Any, rules: list[BoundRule], from_ms: int, to_ms: int) -> None:
    from callgauge_deploy.alert_rows import utc

    names = ", ".join(sorted({rule.grouping.name for rule in rules}))
    if span is None:
        raise StoreError(f"the store has no windows of {names}: is rollup running, with these CALLGAUGE_GROUPINGS?")
    first, last = span
    if last <= from_ms or first > to_ms:
        raise StoreError(
            printable(
                f"no windows of {names} between {utc(from_ms / 1000)} and {utc(to_ms / 1000)}; "
                f"the store has them from {utc(first / 1000)} to {utc(last / 1000)}"
            )
        )
