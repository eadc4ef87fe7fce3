"""The windows topic in lines: what people ask for, nothing that acts on their terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callgauge.errors import SettingError
from callgauge.schema import BlockSummary, EpochStart, Progress, SourceProgress
from callgauge_deploy.window_lines import lines_of, matcher_of
from callgauge_windows.row_batch import RowBatch
from tests.unit.sinks.windows import score_row, window_row

ALL = matcher_of("", [])
ROW = window_row([100.0, 200.0], errors={"timeout": 1}, cancelled=2, labels={"model": "m\x1b[2J"})


def lines(record: Any, **options: Any) -> list[str]:
    return list(lines_of(record, ALL, **options))


def test_a_row_is_a_line() -> None:
    """Window, grouping set, labels, counts, percentiles, and which block and epoch it is of."""
    [line] = lines(RowBatch.of_rows([ROW]))
    counts = "n=2 errors timeout=1 cancelled=2 p50=100ms p95=100ms"
    assert line == rf"2023-11-14T22:13:20Z model@10s  model=m\x1b[2J  {counts}  [0/0 e1]"
    [line] = lines(score_row([0.5, -0.25]))
    assert line == "2023-11-14T22:13:20Z model@10s  model=m  helpfulness by judge  n=2 mean=0.125 min=-0.25  [0/0 e1]"


def test_control_records_are_lines_too() -> None:
    """Unless rows were asked for."""
    source = SourceProgress(source="c/t/0", block=0, next_offset=7, watermark_ms=1_700_000_000_000, idle=True)
    records = [
        BlockSummary(source="c/t/0", block=0, epoch="e", last_offset=6, complete=False, records=7, counted=6, dead=1),
        EpochStart(source="c/t/0", from_offset=0, epoch="e", term=3),
        Progress(worker="w", at_ms=0, sources=[source]),
    ]
    assert [line for record in records for line in lines(record)] == [
        "block up to offset 6: 7 records = 6 counted + 0 duplicates + 1 dead  [0/0 e]",
        "epoch e from offset 0 on, term 3  c/t/0",
        "progress of w: calls 0 at 7 (2023-11-14T22:13:20Z, idle)",
    ]
    assert not [line for record in records for line in lines_of(record, matcher_of("model@10s", []))]


def test_a_source_without_events_has_no_time() -> None:
    """Its watermark is not known yet, and is not 1970."""
    nothing: dict[str, Any] = {"block": 0, "next_offset": 0, "watermark_ms": 0}
    sources = [
        SourceProgress(source="c/t/10", idle=True, **nothing),
        SourceProgress(source="c/t/3", idle=True, holds="scores", **nothing),
        SourceProgress(source="c/t/3", idle=False, **nothing),
    ]
    [line] = lines(Progress(worker="w", at_ms=0, sources=sources))
    told = "calls 3 at 0 (no event yet), calls 10 at 0 (no event yet, idle), scores 3 at 0 (no event yet, idle)"
    assert line == f"progress of w: {told}"


def test_rows_are_chosen_by_grouping_and_labels() -> None:
    """All that were asked for must fit."""
    batch = RowBatch.of_rows([window_row([1.0], labels={"model": name}) for name in "abb"])
    assert len(list(lines_of(batch, matcher_of("model@10s", ["model=b"])))) == 2
    assert not list(lines_of(batch, matcher_of("@10s", [])))
    assert not list(lines_of(batch, matcher_of("", ["service=s"])))


def test_json_holds_everything() -> None:
    """One object a line, with the row's fields."""
    [line] = lines(RowBatch.of_rows([ROW]), as_json=True)
    assert json.loads(line) == ROW.model_dump()
    assert "\x1b" not in line


@pytest.mark.parametrize("text", ["model", "=x", ""])
def test_what_is_no_label_and_value_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(SettingError, match="write label=value, such as model=gpt-4o"):
        matcher_of("", [text])
