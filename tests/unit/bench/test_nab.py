"""Reading and replaying a folder laid out as the benchmark's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callgauge_detectors.threshold import Limit, Threshold, ThresholdConfig
from tests.bench.nab import NabFile, by_threshold, figures, leave_one_out, load, replay


def write_folder(folder: Path, labels: Path) -> None:
    (folder / "group").mkdir(parents=True)
    labels.mkdir(parents=True)
    stamps = [f"2014-04-01 00:{minute:02d}:00" for minute in (0, 5, 5, 10, 15, 20)]
    lines = "".join(f"{stamp},{value}\n" for stamp, value in zip(stamps, (1, 2, 3, 9, 5, 6), strict=True))
    (folder / "group" / "one.csv").write_text("timestamp,value\n" + lines)
    windows = {
        "group/one.csv": [["2014-04-01 00:05:00.000000", "2014-04-01 00:10:00.000000"]],
        "held_out/two.csv": [["2014-04-01 00:05:00.000000", "2014-04-01 00:10:00.000000"]],
    }
    (labels / "combined_windows.json").write_text(json.dumps(windows))


@pytest.mark.parametrize("labels", ["data/labels", "labels"])
def test_windows_become_rows(tmp_path: Path, labels: str) -> None:
    """Both ends are inside, repeated timestamps too; labels may be in the folder or beside it; absent files are out."""
    write_folder(tmp_path / "data", tmp_path / labels)
    (file,) = load(tmp_path / "data")
    assert file.name == "group/one.csv"
    assert file.windows == [(1, 3)]
    assert file.values == [1, 2, 3, 9, 5, 6]
    assert file.at_ms[1] - file.at_ms[0] == 300_000


def test_labels_must_be_there(tmp_path: Path) -> None:
    """Without them there is nothing to score by."""
    with pytest.raises(FileNotFoundError, match="labels"):
        load(tmp_path)


def test_dropped_rows_keep_their_numbers(tmp_path: Path) -> None:
    """The detector starts later, the rows it flags are those of the file."""
    write_folder(tmp_path / "data", tmp_path / "labels")
    files = load(tmp_path / "data")
    said = replay(files, lambda: Threshold(ThresholdConfig((Limit("gt", 8.0),))), drop=2)
    assert said.flagged == {"group/one.csv": [3]}
    assert len(said.scores["group/one.csv"]) == 6
    assert figures(files, said.flagged)["found"] == 1


def test_a_file_has_no_say_in_its_own_threshold() -> None:
    """Two files that want a low bar and one that wants a high one: that one gets the low bar.

    windows of a and b: weak score 1.5; in c the same score is a false alarm.
    """
    at_ms = [60_000 * row for row in range(400)]
    weak = [1.5 if row == 200 else 0.0 for row in range(400)]
    files = [NabFile(name, at_ms, weak, [(200, 220)]) for name in ("a", "b")] + [NabFile("c", at_ms, weak, [])]
    tried = by_threshold(files, {file.name: weak for file in files}, [1.0, 5.0])
    chosen = leave_one_out(files, tried)
    assert chosen == {"a": [200], "b": [200], "c": [200]}
