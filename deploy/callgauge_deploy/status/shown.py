"""How the facts about a local stack are shown: lines for people, JSON for programs. The API's token is in neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from callgauge.printable import printable
from callgauge_deploy.status.facts import Lag, ProcessFact, ServiceFact, StackFacts

__all__ = ["json_of", "lines_of"]

LONGEST_ERROR = 200
_SERVICE_TITLES = ("service", "alive", "silent", "emitted", "dropped", "failed", "on disk")
_LAG_TITLES = ("group", "topic", "partition", "committed", "end", "lag", "unprocessed")


def lines_of(facts: StackFacts, now_s: float) -> list[str]:
    """The lines for a terminal; `now_s` in epoch seconds."""
    return [printable(line) for line in _raw_lines(facts, now_s)]


def json_of(facts: StackFacts) -> dict[str, object]:
    """Everything as JSON values; times in epoch seconds."""
    lags = [asdict(lag) | {"lag": lag.lag} for lag in facts.lags]
    return {"all_run": facts.all_run} | asdict(facts) | {"lags": lags}


def _raw_lines(facts: StackFacts, now_s: float) -> list[str]:
    if not facts.held:
        return [f"nothing runs on {facts.folder}: start with `callgauge up`, or name its folder in CALLGAUGE_DATA_DIR"]
    if not facts.processes:
        return [f"a stack is starting on {facts.folder}; its log is {facts.log}"]
    where = {"folder": facts.folder, "bus": facts.bus, "store": facts.store, "console": facts.api}
    where |= {"gateway": facts.gateway or "left out", "log": facts.log}
    lines = [f"{name:<9}  {place}" for name, place in where.items()]
    lines += ["", *_table(("process", "pid", "state", "since (UTC)", "for"), [_row(p, now_s) for p in facts.processes])]
    lines += _errors(facts.processes)
    if facts.lags:
        lines += ["", *_table(_LAG_TITLES, [_lag_row(lag) for lag in facts.lags], left=2)]
        lines.append("lag: records after what is committed; unprocessed: records that the worker is not done with")
    if facts.services:
        lines += ["", *_table(_SERVICE_TITLES, [_service_row(service) for service in facts.services], left=1)]
        lines.append("processes that tell of calls, and what became of the calls in the last week")
    lines += ["", *(f"problem: {problem}" for problem in facts.problems), _verdict(facts)]
    return lines


def _verdict(facts: StackFacts) -> str:
    wrong = [f"{process.name} {_STATES[process.state]}" for process in facts.processes if process.state != "running"]
    if wrong:
        return "; ".join(wrong)
    return "all processes run, but not everything could be found out" if facts.problems else "all processes run"


_STATES = {"starting": "is not ready yet", "ended": "does not run and will be started again"}


def _row(process: ProcessFact, now_s: float) -> tuple[str, ...]:
    pid = "" if process.pid is None else str(process.pid)
    if process.since_s is None or process.state == "ended":
        return (process.name, pid, process.state, "", "")
    since = f"{datetime.fromtimestamp(process.since_s, UTC):%Y-%m-%d %H:%M:%S}"
    return (process.name, pid, process.state, since, _duration(now_s - process.since_s))


def _duration(seconds: float) -> str:
    """In the two largest units."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if left >= size or parts or unit == "s":
            parts.append(f"{left // size}{unit}")
        left %= size
    return " ".join(parts[:2])


def _errors(processes: Sequence[ProcessFact]) -> list[str]:
    told = [(process.name, process.last_error) for process in processes if process.last_error]
    lines = [f"{name}: {line if len(line) <= LONGEST_ERROR else line[:LONGEST_ERROR] + '…'}" for name, line in told]
    return ["", "last errors in the log", *(f"  {line}" for line in lines)] if lines else []


def _lag_row(lag: Lag) -> tuple[str, ...]:
    counts = (lag.committed, lag.end, lag.lag, lag.unprocessed)
    return (lag.group, lag.topic, str(lag.partition), *("-" if count is None else f"{count:,}" for count in counts))


def _service_row(fact: ServiceFact) -> tuple[str, ...]:
    counts = (fact.alive, fact.silent, fact.emitted, fact.dropped, fact.failed, fact.on_disk)
    return (fact.name or "(no name)", *(f"{count:,}" for count in counts))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: int = 5) -> list[str]:
    """Columns as wide as their widest cell; those after the first `left` are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = []
    for row in (titles, *rows):
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
