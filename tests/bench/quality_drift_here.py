"""LLMDrift through the cores of quality, rollup and detect in this process, without bus, clock or other processes: what
`tests.bench.quality_drift` sees live, on a machine however busy, and the same at every run.

    python -m tests.bench.quality_drift_here [--pinned]

`--pinned`: what is compared with is the first version, pinned before its last ten minutes.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from callgauge.codec import decode_window_record, encode
from callgauge.schema import Alert, Baseline, Call, Content, CountedShare, Progress
from callgauge.settings import Settings
from callgauge.structs import struct_of
from callgauge_quality.heuristics import Heuristics
from callgauge_rules.baselines import Baselines
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.bus.records import Records
from callgauge_streams.detect.engine import Engine
from callgauge_streams.quality.scoring import content_scores
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS, SCORES
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.made_rows import Source
from tests.bench.quality_data import rows_of
from tests.bench.quality_drift import AFTER_S, BEFORE_S, RULES, SERIES, Series, Told, placed
from tests.bench.report import report

__all__ = ["alerts", "measure"]

_MAKE_PROGRESS: Any = struct_of(Progress)
BEGIN_S = 1_700_006_400
_STEP_MS = 10_000
_PINNED_S = BEFORE_S - 600.0


def events() -> Iterator[tuple[float, Call, Content]]:
    """Calls and contents in the order of time, epoch seconds."""
    data = {name: rows_of(f"llmdrift/{name}.csv.gz") for name in {series.data for series in SERIES}}
    all_rows = sorted(
        ((at, series, n, row) for series in SERIES for n, (at, row) in enumerate(placed(series, data[series.data]))),
        key=lambda each: each[0],
    )
    for at, series, n, row in all_rows:
        ids: dict[str, Any] = {"event_id": f"{series.name}/{n}", "ts": BEGIN_S + at, "service": "llmdrift"}
        tokens = int(float(row["answer_token"]))
        call = Call(**ids, latency_ms=0.0, model=series.name, output_tokens=tokens)
        content = Content(**ids, labels={"model": series.name}, prompt=row["query"], response=row["answer"])
        yield BEGIN_S + at, call, content


def pinned() -> Baselines:
    """What `callgauge quality pin` writes of each series' first version."""
    heuristics, baselines = Heuristics(), Baselines()
    above, tokens = Counter[tuple[str, str]](), dict[str, list[int]]()
    for at, call, content in events():
        if at < BEGIN_S + _PINNED_S:
            found = heuristics.scores(content.prompt, content.response)
            above.update((call.model, name) for name, value in found.items() if value > 0)
            above.update((call.model, f"{name}.n") for name in found)
            tokens.setdefault(call.model, []).append(call.output_tokens or 0)
    for number, (model, counts) in enumerate(tokens.items()):
        buckets = Counter("zero" if not count else str(math.ceil(math.log2(count) * 8) - 1) for count in counts)
        shares = {
            name: CountedShare(n=above[model, f"{name}.n"], above_zero=above[model, name])
            for name in ("refusal", "hallucination_markers")
        }
        baseline = Baseline(
            service="llmdrift", model=model, since=BEGIN_S, until=BEGIN_S + _PINNED_S, shares=shares, tokens=buckets,
            calls=len(counts), mean_tokens=sum(counts) / len(counts),
        )  # fmt: skip
        baselines.take(number, round((BEGIN_S + _PINNED_S) * 1e3), baseline)
    return baselines


def alerts(baselines: Baselines) -> Iterator[Alert]:
    """What the default rules tell."""
    groupings = parse_groupings(Settings.model_fields["groupings"].default)
    config, score = RollupConfig(groupings, 65_536, 0), content_scores(Heuristics())
    calls, scores = Source(config, "llmdrift/calls/0", CALLS), Source(config, "llmdrift/scores/0", SCORES)
    rules = bind([rule for rule in load_rules(None) if rule.name in RULES], groupings)
    engine = Engine(rules, source_timeout_ms=3_600_000, live_from=0, whole=True, baselines=baselines)
    offset = 0

    def taken(at_ms: int, record: Any) -> list[Alert]:
        nonlocal offset
        offset += 1
        return engine.take(offset, at_ms, record)

    for source in (calls, scores):
        yield from taken(BEGIN_S * 1000, source.start)
    for step, batch in groupby(events(), key=lambda each: int(each[0] * 1000) // _STEP_MS):
        at_ms, of_calls, of_scores = (step + 1) * _STEP_MS, list[bytes](), list[bytes]()
        for at, call, content in batch:
            of_calls.append(encode(call))
            of_scores += [value for _, value in score(encode(content), round(at * 1000))]
        for source, values in ((calls, of_calls), (scores, of_scores)):
            offsets = range(source.next_offset, source.next_offset + len(values))
            for record in source.take(Records.of(offsets, [at_ms] * len(values), values)):
                sent = record if isinstance(record, RowBatch) else decode_window_record(encode(record))
                yield from taken(at_ms, sent)
        for source in (calls, scores):
            yield from taken(at_ms, _progress(source, at_ms))


def _progress(source: Source, at_ms: int) -> Any:
    return _MAKE_PROGRESS(worker="here", at_ms=at_ms, sources=[source.progress(at_ms)])


def measure(*, with_baselines: bool = False) -> list[Told]:
    """What is told of each series, and after how many calls of its second version."""
    steps = {series.name: _seconds_between(series) for series in SERIES}
    found = [each for each in alerts(pinned() if with_baselines else Baselines()) if each.state == "firing"]
    return [
        Told(
            each.labels["model"],
            each.rule,
            (each.at - BEGIN_S - BEFORE_S) / steps[each.labels["model"]],
            each.reason or each.summary,
        )
        for each in found
    ]


def _seconds_between(series: Series) -> float:
    before = sum(1 for at, _ in placed(series, rows_of(f"llmdrift/{series.data}.csv.gz")) if at < BEFORE_S)
    return BEFORE_S / before


def main(*arguments: str) -> None:
    """Run and report."""
    with_baselines = "--pinned" in arguments
    rows = [told._asdict() for told in measure(with_baselines=with_baselines)]
    title = f"LLMDrift, in one process{', pinned' if with_baselines else ''}"
    notes = f"calls: of the second version, until it was told; {AFTER_S / 60:.0f} minutes of it"
    report("quality_drift_here", rows, title=title, notes=notes)


if __name__ == "__main__":
    main(*sys.argv[1:])
