"""The demo: replays real calls through a local stack, shows alerts and tables, and checks that everything arrived.

Two recorded hours run side by side, moved in time so that they end now: production requests of Azure's LLM services
(real arrivals and token counts, simulated latencies and prices) and LLMDrift's GPT calls (real latencies, tokens and
cost), where half-way the provider swaps the model behind the name. The texts of its opinion questions are sent too, as
the contents of their calls.
"""

from __future__ import annotations

import contextlib
import heapq
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from callgauge.errors import SettingError
from callgauge.printable import printable_lines
from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge_deploy.data_dir import DataDir
from callgauge_deploy.stack import LocalStack
from callgauge_deploy.tables import draw_table
from callgauge_history.query import run_query
from callgauge_history.store import QueryResult
from callgauge_history.values import typed_rows
from callgauge_load import ReplayResult, due_times, end_s, read_trace, replay, retime
from callgauge_load.opinions import Opinions

__all__ = ["Completeness", "demo_calls", "demo_opinions", "demo_settings", "run_demo", "settled"]

SAMPLES = ("azure_code.csv.gz", "azure_conv.csv.gz", "llmdrift_gpt4.csv.gz")
GROUPINGS = "@10s service@10s model@10s feature,model@60s"
# The demo stops waiting when no new row has reached the store for this long, and is then not complete.
PATIENCE_S = 60.0

INTRO = """\
[bold]callgauge demo[/bold]: {calls:,} LLM calls of one hour, replayed in about {seconds:.0f} s

  Azure LLM inference trace 2023 (two production services)
    [green]real[/green]       arrivals and token counts
    [yellow]simulated[/yellow]  latency and time to first token; prices are assumed
  LLMDrift 2023 (GPT-4 and GPT-3.5)
    [green]real[/green]       latency, tokens and cost; {answers:,} prompts and answers of the opinion questions, which
               the quality worker scores (content is on for these calls only)
    [yellow]simulated[/yellow]  arrivals: laid out evenly, the March versions first, those of June from
               half-way on, as if the provider had swapped the models
  all times are moved so that the hour ends now
"""

QUALITY = """
SELECT if(labels['response_model'] = '', labels['model'], labels['response_model']) AS model,
       countIf(name = 'refusal') AS answers, round(avgIf(value, name = 'refusal') * 100, 1) AS `refusals %`,
       round(avgIf(value > 0, name = 'hallucination_markers') * 100, 1) AS `with markers %`,
       round(avgIf(value, name = 'lexical_relevance'), 2) AS relevance,
       round(avgIf(value, name = 'quality'), 2) AS quality
FROM scores_final WHERE origin = 'heuristic' AND service = 'llmdrift' GROUP BY model ORDER BY model
"""

PER_MODEL = """
SELECT if(c.response_model = '', c.model, c.response_model) AS model, count() AS calls,
       round(avg(status = 'error') * 100, 2) AS `err %`,
       round(quantileExact(0.5)(latency_ms) / 1000, 2) AS `p50 s`,
       round(quantileExact(0.95)(latency_ms) / 1000, 2) AS `p95 s`,
       round(quantileExact(0.99)(latency_ms) / 1000, 2) AS `p99 s`,
       round(sum(ifNull(input_tokens, 0) + ifNull(output_tokens, 0)) / 1e6, 2) AS `Mtok`,
       round(sum(cost_nano) / 1e9, 2) AS `cost $`
FROM calls_final AS c GROUP BY model ORDER BY model
"""

ALERTS = """
SELECT rule, arrayStringConcat(mapValues(labels), ', ') AS series,
       formatDateTime(min(at), '%H:%i:%S') AS `fired at`, if(max(state) = 'resolved', 'resolved', 'firing') AS now
FROM alerts FINAL WHERE state IN ('firing', 'resolved') AND fired_at IS NOT NULL
GROUP BY alert_id, rule, labels ORDER BY min(at)
"""


@dataclass(frozen=True)
class Completeness:
    """Whether everything that was produced arrived."""

    produced: int
    stored: int
    dead: int
    counted: int
    """Calls that rollup counted into windows, as its block summaries say."""
    answers: int = 0
    """Answers whose text was sent."""
    scored: int = 0
    """Those whose scores are stored."""

    @property
    def complete(self) -> bool:
        """Whether every call is either stored and counted, or a dead letter, and every answer is scored."""
        of_calls = self.produced == self.stored + self.dead == self.counted + self.dead
        return of_calls and self.scored == self.answers

    def __str__(self) -> str:
        equals = "=" if self.produced == self.stored + self.dead == self.counted + self.dead else "≠"
        line = (
            f"completeness: produced {self.produced:,} {equals} stored {self.stored:,} "
            f"+ dead-lettered {self.dead:,}  (rolled up: {self.counted:,})"
        )
        return f"{line}; {self.scored:,} of {self.answers:,} answers scored" if self.answers else line


def demo_calls(limit: int | None = None) -> list[Call]:
    """The calls of the three samples in the order of their ends, or the first `limit` of them.

    Each sample is shifted in time so that its last call ends now.
    """
    folder = files("callgauge_deploy") / "samples"
    now = time.time()
    traces = [retime(read_trace(Path(str(folder / name))), now) for name in SAMPLES]
    return list(heapq.merge(*traces, key=end_s))[:limit]


def demo_opinions() -> Opinions:
    """The texts of some of the calls."""
    return Opinions(Path(str(files("callgauge_deploy") / "samples" / "llmdrift_opinions.csv.gz")))


def demo_settings(settings: Settings) -> Settings:
    """The settings with the demo's rules and grouping sets, and ports of its own: a stack that is meant to stay may run
    beside it."""
    rules = Path(str(files("callgauge_deploy") / "samples" / "demo_rules.yaml"))
    changes = {"groupings": GROUPINGS, "rules_file": rules, "bus_port": 0, "api_port": 0, "metrics_port": 0}
    return settings.model_copy(update=changes)


def run_demo(
    settings: Settings,
    *,
    speed: float = 60.0,
    limit: int | None = None,
    stay: bool = False,
    keep: Path | None = None,
) -> None:
    """Run the demo on a fresh local stack.

    Args:
        speed: how many times as fast as recorded.
        limit: replay only so many calls.
        stay: go on serving the console afterwards, until Ctrl-C.
        keep: the new folder in which what was stored stays; None: a temporary one.

    Raises:
        SettingError: there is something in the folder.
        typer.Exit: with code 1 if something that was produced did not arrive.
    """
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise SettingError(f"--keep {keep}: there is something already; name a folder that is new or empty")
    console = Console()
    calls, opinions = demo_calls(limit), demo_opinions()
    answers = sum(opinions.content(call) is not None for call in calls)
    seconds = max(due_s for due_s, _ in due_times(calls, speed))
    console.print(INTRO.format(calls=len(calls), seconds=seconds, answers=answers))
    with (
        contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory(prefix="callgauge-demo-") as folder,
        _screen(console, len(calls) + answers) as screen,
    ):
        own = demo_settings(settings)
        screen.say("starting: bus (tansu), rollup, detect, quality, sinks (chDB), notifier")
        with LocalStack(
            own, data_dir=Path(folder), with_gateway=False, say=screen.say, show_alert=screen.alert
        ) as stack:
            screen.say(f"up; the page: {stack.info.api_url}")
            screen.say(f"replaying {speed:g} × as fast as recorded; alerts appear as they fire\n")
            result = replay(
                retime(calls, time.time() + seconds), stack.settings, speed=speed, on_progress=screen.progress,
                content_of=opinions.content,
            )  # fmt: skip
            screen.say("\nall sent; waiting until everything is stored, rolled up and scored")
            completeness = settled(stack, result)
            screen.stop()
            _report(console, stack, completeness)
            if stay:
                console.print(f"\nthe page is served until Ctrl-C: {stack.info.api_url}", highlight=False)
                with contextlib.suppress(KeyboardInterrupt):
                    stack.wait()
            else:
                console.print("the page ends with the demo; `callgauge demo --stay` keeps it", highlight=False)
        if keep:
            told = f"CALLGAUGE_STORE=chdb://{DataDir(keep).clickhouse} callgauge rules test default --from 2h"
            console.print(f"what was stored is kept; try: {told}", highlight=False, soft_wrap=True)
    if not completeness.complete:
        raise typer.Exit(1)


def settled(stack: LocalStack, result: ReplayResult) -> Completeness:
    """Wait until everything has arrived, or nothing has changed for PATIENCE_S. Returns how complete it is then."""
    seen, moved_at = None, time.monotonic()
    while True:
        stack.check()
        now = _completeness(stack.settings, result)
        if now.complete or time.monotonic() - moved_at > PATIENCE_S:
            return now
        if now != seen:
            seen, moved_at = now, time.monotonic()
        time.sleep(0.5)


def _completeness(settings: Settings, result: ReplayResult) -> Completeness:
    def number(sql: str) -> int:
        return int(run_query(settings, sql).rows[0][0])

    sent = result.by_topic
    return Completeness(
        sent[settings.topics.calls.name],
        stored=number("SELECT count() FROM calls FINAL"),
        dead=number("SELECT count() FROM dead_letters FINAL"),
        counted=number("SELECT sum(counted) FROM blocks_final WHERE source IN (SELECT DISTINCT source FROM calls)"),
        answers=sent[settings.topics.content.name],
        scored=number("SELECT uniqExact(event_id) FROM scores_final WHERE name = 'refusal' AND origin = 'heuristic'"),
    )


def _report(console: Console, stack: LocalStack, completeness: Completeness) -> None:
    console.print("\n[bold]What ClickHouse says, per model[/bold] (latencies of azure-2023-* are simulated)")
    _print_table(console, run_query(stack.settings, PER_MODEL))
    console.print("\n[bold]What the quality worker says of the opinion questions' answers[/bold] (docs/quality.md)")
    _print_table(console, run_query(stack.settings, QUALITY))
    console.print("\n[bold]Alerts[/bold] (event time, UTC)")
    _print_table(console, run_query(stack.settings, ALERTS))
    console.print(f"\n{completeness}", highlight=False, soft_wrap=True)


def _print_table(console: Console, result: QueryResult) -> None:
    draw_table(console, result.columns, typed_rows(result))


class _Screen:
    """A progress bar at the bottom; lines scroll above it."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._bar, self._task = progress, task

    def say(self, line: str) -> None:
        self._bar.console.print(printable_lines(line), highlight=False, markup=False)

    def alert(self, line: str) -> None:
        styles = {"FIRING": "bold red", "RESOLVED": "green"}
        style = next((style for word, style in styles.items() if line.lstrip().startswith(word)), None)
        self._bar.console.print(printable_lines(line), style=style, highlight=False, markup=False)

    def progress(self, sent: int) -> None:
        self._bar.update(self._task, completed=sent)

    def stop(self) -> None:
        self._bar.stop()


@contextmanager
def _screen(console: Console, calls: int) -> Iterator[_Screen]:
    columns = (TextColumn("messages sent"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield _Screen(progress, progress.add_task("", total=calls))
