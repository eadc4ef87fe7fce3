"""What commands print: the banner of the local stack, the table of settings, the progress of a replay."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from callgauge.printable import printable
from callgauge.settings import Settings
from callgauge_deploy.data_dir import StackInfo
from callgauge_deploy.environment import PREFIX
from callgauge_deploy.results import print_rows
from callgauge_load import ReplayResult, due_times, read_trace, replay, retime

if TYPE_CHECKING:
    from callgauge_sinks.completeness.report import Report

__all__ = ["banner", "print_completeness", "print_settings", "replay_summary", "replay_with_progress", "shown"]

MASK = "********"

BANNER = """\
callgauge is up.

  bus         {bootstrap}  (tansu, Kafka protocol; in memory: what is not yet stored is gone when it ends)
  console     {api_url}  (page and API; token for programs: {folder}/stack.json)
  gateway     {gateway}
  history     {folder}/clickhouse
  log         {log}

  query       callgauge query "SELECT count() FROM calls"
  alerts      callgauge alerts    (and below it: ack, resolve, silence)
  emit        {emit}
  replay      callgauge replay trace.csv --speed 10

Alerts appear below as they fire. Ctrl-C ends everything.
"""


def banner(info: StackInfo, log: Path) -> str:
    """What a user needs to know about the stack that has just come up."""
    emit = "python your_service.py"
    if info.bootstrap != Settings.model_fields["bootstrap_servers"].default:
        emit = f"CALLGAUGE_BOOTSTRAP_SERVERS={info.bootstrap} {emit}"
    gateway = f"{info.gateway_url}  (JSON, OTLP, LiteLLM)" if info.gateway_url else "left out"
    return BANNER.format(
        emit=emit, bootstrap=info.bootstrap, api_url=info.api_url, gateway=gateway, folder=log.parent, log=log
    )


def shown(value: object) -> str:
    """A setting's value as text. A secret is masked; an empty value gives an empty text."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return "" if value is None else str(value)


def print_settings(settings: Settings, console: Console | None = None) -> None:
    """All settings with their values: a table in which those that were set are bold, or tab-separated lines in a pipe.

    Names and values are never cut.
    """
    rows = [
        (PREFIX + name.upper(), shown(getattr(settings, name)), field.description)
        for name, field in type(settings).model_fields.items()
    ]
    is_set = [name in settings.model_fields_set for name in type(settings).model_fields]
    print_rows(("Variable", "Value", "Meaning"), rows, bold=is_set, console=console)


#: Column of the completeness table -> the field of `Hour` that it shows.
_HOUR_COLUMNS = {
    "records": "records",
    "counted": "counted",
    "dup": "duplicates",
    "differ": "differing",
    "dead": "dead",
    "late": "late",
    "folded": "folded",
    "clamped": "clamped",
    "lost": "lost",
    "stored": "stored",
    "letters": "letters",
}
#: Columns that are left out if all their values are zero, so that the table fits a narrow terminal.
_RARE = ("differing", "late", "folded", "clamped", "lost")
_STATE_STYLES = {"ok": "green", "open": "yellow", "gap": "bold red"}
#: At most so many gaps are printed one by one; --json lists all.
MOST_GAPS = 20


def print_completeness(report: Report, console: Console | None = None) -> None:
    """The table of sources and hours, what is pending, every gap, and the verdict as the last line."""
    console = console or Console()
    if report.hours:
        console.print(_hours_table(report))
        console.print()
    lines = [f"gap: {gap.source}: {gap.message}" for gap in report.gaps[:MOST_GAPS]]
    if len(report.gaps) > MOST_GAPS:
        lines.append(f"gap: ... and {len(report.gaps) - MOST_GAPS:,} more (--json lists all)")
    lines += [f"pending: {line}" for line in report.pending] + [f"note: {line}" for line in report.notes]
    for line in [*lines, str(report)]:
        console.print(printable(line), highlight=False, markup=False, soft_wrap=True)


def _hours_table(report: Report) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), show_footer=True)
    table.add_column("source", "total", no_wrap=True)
    table.add_column("hour UTC", no_wrap=True)
    columns = {title: name for title, name in _HOUR_COLUMNS.items() if name not in _RARE or report.total(name)}
    for title, name in columns.items():
        total = f"{report.total(name):,}" if any(getattr(hour, name) is not None for hour in report.hours) else ""
        table.add_column(title, total, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for hour in report.hours:
        counts = [getattr(hour, name) for name in columns.values()]
        table.add_row(
            escape(printable(_short(hour.source))),
            f"{datetime.fromtimestamp(hour.hour_ms / 1e3, UTC):%m-%d %Hh}" if hour.hour_ms else "",
            *("" if count is None else f"{count:,}" for count in counts),
            f"[{style}]{hour.state}[/]" if (style := _STATE_STYLES.get(hour.state)) else hour.state,
        )
    return table


def _short(source: str) -> str:
    """Shorten "cluster id/topic id/partition" to enough of it to tell sources apart."""
    origin, _, partition = source.rpartition("/")
    cluster, _, topic = origin.partition("/")
    return f"{cluster[:4]}/{topic[:4]}/{partition}"


def replay_with_progress(file: Path, settings: Settings, speed: float) -> ReplayResult:
    """Replay the trace in `file` with a progress bar on standard error.

    The trace is shifted in time so that its last call ends when it is sent. So no call lies in the future.
    """
    calls = retime(read_trace(file), time.time())
    duration_s = max((due_s for due_s, _ in due_times(calls, speed)), default=0.0)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(escape(printable(f"{file.name} → {settings.bootstrap_servers}")), total=len(calls))
        return replay(
            retime(calls, time.time() + duration_s),
            settings,
            speed=speed,
            on_progress=lambda sent: progress.update(task, completed=sent),
        )


def replay_summary(result: ReplayResult) -> str:
    """One line on the calls that were sent, and one for each reason for which calls were refused."""
    lines = [f"{result.produced:,} calls sent in {result.seconds:.1f} s"]
    return "\n".join(lines + [f"{count:,} refused: {printable(reason)}" for reason, count in result.reasons.items()])
