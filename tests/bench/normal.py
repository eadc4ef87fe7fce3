"""What the rules tell of real traffic in which nothing is known to be wrong: `python -m tests.bench.normal FOLDER`.

FOLDER holds `azure_llm_2023/`, `llm_calls/`, `servegen/` and `burstgpt_aggregates/`. Each set is played through
rollup's core and detect's engine (detection/real_traffic.py), and what fires is counted per series and time: pages are
error and critical. Not everything that fires is false: a tenth of the calls of one of the agent's two models did fail,
and nobody knows what happened behind a burst.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from callgauge.groupings import parse_groupings
from callgauge.settings import load_settings
from callgauge_load.trace import read_trace
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.rollup.config import RollupConfig
from tests.bench.detection.judged import RULE_SETS, Judge
from tests.bench.detection.made_rows import rows_of
from tests.bench.detection.real_traffic import batches_at, rates_of, rows_of_calls, world_of
from tests.bench.report import report

__all__ = ["CONFIG", "STEP_MS", "told_of"]

CONFIG = replace(RollupConfig.of(load_settings()), groupings=parse_groupings("model@10s service@10s"))
STEP_MS = 60_000
_DAY_MS = 86_400_000
_TRACES = {
    "azure code": "azure_llm_2023/AzureLLMInferenceTrace_code.csv",
    "azure chat": "azure_llm_2023/AzureLLMInferenceTrace_conv.csv",
    "agent spans": "llm_calls/otel_llm_spans.csv.gz",
}


def told_of(log: Iterable[tuple[int, Any]], rule_sets: Mapping[str, Path | None]) -> Iterator[dict[str, Any]]:
    """What each rule set tells of a log, a row each."""
    judges = {name: Judge(bind(load_rules(path), CONFIG.groupings)) for name, path in rule_sets.items()}
    first_ms = last_ms = 0
    for offset, (at_ms, record) in enumerate(log):
        first_ms, last_ms = first_ms or at_ms, at_ms
        for judge in judges.values():
            judge.take(offset, at_ms, record)
    days = (last_ms - first_ms) / _DAY_MS
    for name, judge in judges.items():
        series, pages = len(judge.series), sum(firing.page for firing in judge.firings)
        yield {
            "rules": name,
            "series": series,
            "days": round(days, 2),
            "pages": pages,
            "warnings": len(judge.firings) - pages,
            "pages_per_series_week": round(7 * pages / days / series, 3),
            "warnings_per_series_day": round((len(judge.firings) - pages) / days / series, 3),
            "by_rule": json.dumps(Counter(firing.rule for firing in judge.firings).most_common(4)),
        }


def logs_of(folder: Path, days: float) -> Iterator[tuple[str, Iterator[tuple[int, Any]]]]:
    """The log of each set."""
    for name, path in _TRACES.items():
        calls = (call for call in read_trace(folder / path))
        yield name, rows_of_calls(calls, CONFIG, STEP_MS)
    rates = rates_of(folder)
    for name, (width_s, shares) in rates.items():
        alone = {name: (width_s, shares)}
        world = world_of(alone, 1.0)
        longest = min(days, len(shares) * width_s / 86_400)
        batches = batches_at(alone, world, longest)
        yield name, rows_of(batches, world, CONFIG, scores=False, step_ms=STEP_MS)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=14.0, help="of the sets that have so many")
    parser.add_argument("--only", action="append", default=[], help="rule sets to judge by, instead of all")
    parser.add_argument("--set", action="append", default=[], dest="sets", help="sets to play, instead of all")
    options = parser.parse_args()
    rule_sets = {name: path for name, path in RULE_SETS.items() if not options.only or name in options.only}
    rows = [
        {"set": name} | row
        for name, log in logs_of(options.folder, options.days)
        if not options.sets or name in options.sets
        for row in told_of(log, rule_sets)
    ]
    report("normal", rows, title="Told of traffic in which nothing is known to be wrong")


if __name__ == "__main__":
    main()
