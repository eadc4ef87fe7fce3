"""Windows count every event once, whoever sent its rows, and keep identities of open blocks only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.detect.merge import Windows
from callgauge_streams.detect.series import Series
from callgauge_windows.row_batch import RowBatch
from tests.examples import examples
from tests.unit.streams.detect.takeovers import SOURCE, WINDOW_MS, progress, random_history, row, start

GROUPINGS = ("service@10s", "model@10s")
LOOKBACK_MS = 3 * WINDOW_MS


def merged(records: list[Any]) -> Windows:
    windows = Windows(lookbacks_ms=dict.fromkeys(GROUPINGS, (LOOKBACK_MS,)))
    for record in records:
        merge(windows, record)
    return windows


def put(windows: Windows, row: Any) -> Series | None:
    changed = windows.put(RowBatch.of_rows([row]))
    return changed.kept.series[changed.slots[0]] if changed and len(changed.slots) else None


def merge(windows: Windows, record: Any) -> None:
    match record.kind:
        case "row":
            put(windows, record)
        case "epoch":
            windows.start(record)
        case "progress":
            for source in record.sources:
                windows.fold(source.source, source.committed)


def totals(windows: Windows) -> Counter[int]:
    """Events by window, of all series of all grouping sets."""
    found: Counter[int] = Counter()
    for grouping in GROUPINGS:
        for series in windows.of(grouping):
            for start_ms in series.windows:
                found[start_ms // WINDOW_MS] += series.totals(start_ms, start_ms + WINDOW_MS).n
    return +found


def identities(windows: Windows) -> set[tuple[int, str]]:
    """Blocks and epochs of the rows that are kept apart."""
    return {identity for blocks in windows._open.values() for identity in blocks}


# Readers that leave one rule out, made by changing what they read.


def without_terms(records: list[Any]) -> list[Any]:
    """Each start looks newer than all before it."""
    return [msgspec.structs.replace(r, term=i) if r.kind == "epoch" else r for i, r in enumerate(records)]


def without_epochs(records: list[Any]) -> list[Any]:
    return [r for r in records if r.kind != "epoch"]


def folding_at_summaries(records: list[Any]) -> list[Any]:
    """A block is folded when it is complete, committed or not."""
    return [progress(r.block + 1) if r.kind == "summary" else r for r in records]


@settings(max_examples=examples(150, long=600), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_merged_totals_are_a_plain_recount(seed: int) -> None:
    records, recount = random_history(seed)
    assert totals(merged(records)) == recount


@pytest.mark.parametrize("leave_out", [without_terms, without_epochs, folding_at_summaries])
def test_no_rule_can_be_left_out(leave_out: Callable[[list[Any]], list[Any]]) -> None:
    """The law above fails for readers that ignore terms, epochs, or what is committed."""
    histories = map(random_history, range(60))
    differ = (True for records, recount in histories if totals(merged(leave_out(records))) != recount)
    assert sum(islice(differ, 4)) == 4


def test_the_histories_void_and_fold_rows() -> None:
    """The law above is not about nothing."""
    voided = folded = 0
    for seed in range(50):
        windows = Windows()
        for record in random_history(seed)[0]:
            before = identities(windows)
            merge(windows, record)
            lost = bool(before - identities(windows))
            voided += lost and record.kind == "epoch"
            folded += lost and record.kind == "progress"
        if voided > 20 and folded > 100:
            break
    assert voided > 20
    assert folded > 100


def test_the_row_of_the_largest_n_counts() -> None:
    windows = merged([row(0, "e", 7), row(0, "e", 5), row(41, "e", 1)])
    assert totals(windows) == {0: 8}


def test_a_start_under_another_epoch_forgets_the_rows_of_its_blocks() -> None:
    """
    block     0   41          e1 from 0, then e2 from 41: what block 41 held is counted again
    """
    windows = merged([start(0, "e1", 1), row(0, "e1", 2), row(41, "e1", 3), row(41, "e1", 4, window=3)])
    assert [(s.grouping, starts) for s, starts in windows.start(start(41, "e2", 2))] == [
        ("service@10s", [0, 3 * WINDOW_MS])
    ]
    assert totals(windows) == {0: 2}
    assert put(windows, row(41, "e1", 9)) is None  # a zombie's
    put(windows, row(41, "e2", 3))
    assert totals(windows) == {0: 5}


@pytest.mark.parametrize(
    "again", [start(0, "e1", 1), start(41, "e1", 2), start(0, "e2", 0)], ids=["repeated", "same epoch", "zombie"]
)
def test_other_starts_forget_nothing(again: Any) -> None:
    windows = merged([start(0, "e1", 1), row(41, "e1", 3)])
    assert windows.start(again) == []
    assert totals(windows) == {0: 3}


def test_history_that_begins_in_the_middle_counts_until_the_start_is_heard() -> None:
    windows = merged([row(20, "e0", 1), row(41, "e1", 3), row(41, "e2", 4), progress(60)])
    assert totals(windows) == {0: 8}
    windows.start(start(41, "e2", 2))  # repeated by its worker
    assert totals(windows) == {0: 5}


def test_a_complete_block_is_kept_apart_until_it_is_committed() -> None:
    records = [start(0, "e", 1), row(0, "e", 2), row(41, "e", 3), row(100, "e", 4), progress(41)]
    assert identities(merged(records)) == {(41, "e"), (100, "e")}
    assert identities(merged([*records, progress(100)])) == {(100, "e")}
    assert totals(merged([*records, progress(100), progress(41)])) == {0: 9}  # the second is a zombie's


def test_what_comes_of_folded_blocks_is_ignored() -> None:
    windows = merged([start(0, "e", 1), row(0, "e", 2), progress(41), row(0, "e", 3), row(40, "e", 1)])
    assert totals(windows) == {0: 2}


def test_a_block_that_retention_ate_half_of_keeps_what_was_counted() -> None:
    windows = merged([start(0, "e1", 1), row(41, "e1", 2), start(60, "e2", 2, lost_from=41), row(60, "e2", 5)])
    windows.fold(SOURCE, 60)
    assert totals(windows) == {0: 7}
    assert identities(windows) == {(60, "e2")}


def test_a_reaggregation_of_the_past_changes_open_blocks_only() -> None:
    """
    block     0   41 | 100        folded up to 100, then everything again under e2 from 0
    """
    records = [start(0, "e1", 1), row(0, "e1", 1), row(41, "e1", 2), progress(100), row(100, "e1", 4)]
    records += [start(0, "e2", 2), row(0, "e2", 1), row(50, "e2", 2), progress(0), row(100, "e2", 8)]
    assert totals(merged(records)) == {0: 1 + 2 + 8}


def test_after_a_reaggregation_with_another_b_the_block_across_the_border_is_left_out() -> None:
    """
    e1        41 ....... | 100 .......        e1's block 41 is folded; e2's block 90 begins below the border
    e2        50 .... | 90 ..... | 130
    """
    records = [start(0, "e1", 1), row(41, "e1", 2), progress(100), row(100, "e1", 4)]
    records += [start(0, "e2", 2), row(50, "e2", 1), row(90, "e2", 3), row(130, "e2", 2)]
    assert totals(merged(records)) == {0: 2 + 2}


@pytest.mark.parametrize("control", [[], [start(0, "e", 1), progress(-1)], [progress(10_000)]])
def test_without_a_known_start_or_commit_identities_live_as_long_as_their_windows(control: list[Any]) -> None:
    windows = merged([*control, *(row(block, "e", 1, window=block) for block in range(100))])
    assert len(identities(windows)) == 100
    windows.forget(90 * WINDOW_MS)
    assert len(identities(windows)) == 10
    assert totals(windows) == dict.fromkeys(range(90, 100), 1)
    assert len(windows.start(start(0, "e2", 2))) == 1  # nothing is left of what was forgotten
    windows.fold(SOURCE, 100)
    assert totals(windows) == {}


def test_only_open_blocks_are_kept_apart_however_long_the_log() -> None:
    windows = merged([start(0, "e", 1)])
    for block in range(0, 10_000, 10):
        put(windows, row(block, "e", 1, window=block // 100))
        windows.fold(SOURCE, block - 20)
        assert len(identities(windows)) <= 3
    assert totals(windows) == dict.fromkeys(range(100), 10)


def test_many_rows_of_one_window_are_added_up_as_few_are() -> None:
    """Their sum is kept, and made anew when a row comes, grows, is folded or becomes void."""
    records: list[Any] = [start(0, "e1", 1), *(row(block, "e1", 1) for block in range(100))]
    windows = merged(records)
    assert totals(windows) == totals(windows) == {0: 100}
    put(windows, row(7, "e1", 5))
    assert totals(windows) == {0: 104}
    put(windows, row(100, "e1", 1))
    assert totals(windows) == {0: 105}
    windows.fold(SOURCE, 50)
    assert totals(windows) == {0: 105}
    windows.start(start(80, "e2", 2))
    assert totals(windows) == {0: 84}


def test_a_lookback_costs_only_the_windows_that_exist() -> None:
    """A month of 10 s windows, of which three are there: the sum is of those inside."""
    windows = merged([row(0, "e", n, window=window) for n, window in ((1, 0), (2, 5), (4, 300_000))])
    (series,) = windows.of("service@10s")
    month_ms = 30 * 86_400_000
    began = time.process_time()
    for _ in range(100):
        assert series.totals(0, month_ms).n == 3
        assert series.totals(WINDOW_MS, 300_001 * WINDOW_MS).n == 6
    assert time.process_time() - began < 1.0  # 100 walks over all 259,200 windows take five seconds


def test_what_is_in_a_lookback_changes_when_a_window_ends_or_leaves() -> None:
    """
    window     0   1   2   3   4   5   6
    rows       x       x           x           lookback 30 s: (at the end of) 0, 2, 3 (0 leaves), 5 ...
    """
    windows = merged([row(0, "e", 1, window=window) for window in (0, 2, 5)])
    (series,) = windows.of("service@10s")
    ends = [0]
    while len(ends) < 7:
        (change,) = series.cells.next_change(LOOKBACK_MS, ends[-1], np.array([series.slot])).tolist()
        ends.append(change)
    assert [end // WINDOW_MS - 1 for end in ends[1:]] == [0, 2, 3, 5, 8, 9]
