"""A log in a file is the log, but for event ids; and it is there only when it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callgauge.groupings import parse_groupings
from callgauge.settings import load_settings
from callgauge_load.made.world import make_world
from callgauge_load.made_load import MadeLoad
from callgauge_streams.rollup.config import RollupConfig
from callgauge_windows.row_batch import RowBatch
from tests.bench.detection import made_log
from tests.bench.detection.made_log import read_log, write_log
from tests.bench.detection.made_rows import rows_of


def log() -> list[tuple[int, Any]]:
    config = replace(RollupConfig.of(load_settings()), groupings=parse_groupings("service@10s"))
    load = MadeLoad(make_world(3, 2.0, 1), 1_700_006_400.0, 300.0)
    return list(rows_of(load.play().batches(), load.world, config, scores=False, step_ms=60_000))


def test_it_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times, kinds of records, and every number of every row, in several frames."""
    monkeypatch.setattr(made_log, "_FRAME_BYTES", 1_000)
    written = log()
    write_log(tmp_path / "a.log", written)
    found = list(read_log(tmp_path / "a.log"))
    assert [(at_ms, record.kind) for at_ms, record in found] == [(at_ms, record.kind) for at_ms, record in written]
    assert all(one <= two for (one, _), (two, _) in pairwise(found))
    batches = [(one, two) for (_, one), (_, two) in zip(written, found, strict=True) if isinstance(one, RowBatch)]
    assert len(batches) > 3
    for one, two in batches:
        assert (one.series_id == two.series_id).all()
        for name in one.names:
            if name.startswith("label."):
                label = name.removeprefix("label.")
                labels = [[each.label_values[label][at] for at in each.column(name)] for each in (one, two)]
                assert labels[0] == labels[1]
            elif not name.endswith(".max_event"):
                assert (one.column(name) == two.column(name)).all(), name
        for measure, buckets in one.buckets.items():
            assert np.array_equal(buckets.counts, two.buckets[measure].counts)
        assert not len(two.event_ids)


def test_a_log_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    """Nothing of it is left."""

    def breaks() -> Iterator[tuple[int, Any]]:
        yield from log()
        raise RuntimeError("ended")

    with pytest.raises(RuntimeError, match="ended"):
        write_log(tmp_path / "a.log", breaks())
    assert list(tmp_path.iterdir()) == []
