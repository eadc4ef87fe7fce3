"""What commands print: the banner of the local stack, the table of settings, the progress of a replay."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from callgauge.replay import ReplayResult, due_times, read_trace, replay, retime
from callgauge.settings import Settings
from callgauge_deploy.data_dir import StackInfo
from callgauge_deploy.environment import PREFIX

__all__ = ["banner", "print_settings", "replay_summary", "replay_with_progress", "shown"]

MASK = "********"

BANNER = """\
callgauge is up.

  bus         {bootstrap}  (tansu, Kafka protocol; in memory: what is not yet stored is gone when it ends)
  query API   {api_url}  (token: {folder}/stack.json)
  history     {folder}/clickhouse
  log         {log}

  query       callgauge query "SELECT count() FROM calls"
  emit        CALLGAUGE_BOOTSTRAP_SERVERS={bootstrap} python your_service.py
  replay      callgauge replay trace.csv --speed 10

Alerts appear below as they fire. Ctrl-C ends everything.
"""


def banner(info: StackInfo, log: Path) -> str:
    """What a user needs to know about the stack that has just come up."""
    return BANNER.format(bootstrap=info.bootstrap, api_url=info.api_url, folder=log.parent, log=log)


def shown(value: object) -> str:
    """A setting's value as text; secrets masked, nothing for an empty one."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return "" if value is None else str(value)


def print_settings(settings: Settings, console: Console | None = None) -> None:
    """A table of all settings with their values; those that were set are bold."""
    table = Table("Variable", "Value", "Meaning", show_lines=False)
    for name, field in type(settings).model_fields.items():
        style = "bold" if name in settings.model_fields_set else None
        table.add_row(PREFIX + name.upper(), shown(getattr(settings, name)), field.description, style=style)
    (console or Console()).print(table)


def replay_with_progress(file: Path, settings: Settings, speed: float) -> ReplayResult:
    """Replay the trace in `file` with a progress bar on standard error.

    The trace is shifted in time so that its last call ends when it is sent: no call is ever from the future.
    """
    calls = retime(read_trace(file), time.time())
    duration_s = max((due_s for due_s, _ in due_times(calls, speed)), default=0.0)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{file.name} → {settings.bootstrap_servers}", total=len(calls))
        return replay(
            retime(calls, time.time() + duration_s),
            settings,
            speed=speed,
            on_progress=lambda sent: progress.update(task, completed=sent),
        )


def replay_summary(result: ReplayResult) -> str:
    """One line, and one for each reason of a refusal."""
    lines = [f"{result.produced:,} calls sent in {result.seconds:.1f} s"]
    return "\n".join(lines + [f"{count:,} refused: {reason}" for reason, count in result.reasons.items()])
