"""The Numenta Anomaly Benchmark through our detectors: `python -m tests.bench.nab --nab FOLDER`.

FOLDER is laid out as the benchmark's `data` folder, with labels/combined_windows.json inside or beside it; labelled
files that are not there are left out, and scores are normalised over the windows of those that are. Each file is
replayed in its order, in event time, through a new detector of one configuration. Scoring: tests.bench.nab_score.

Rows of the table: detector and run, where a run is
    as it is                    the defaults, as a user gets them
    others' threshold           each file with the threshold that is best on all other files
    first n rows dropped        the detector starts n rows later (scored rows stay the same)
    threshold x f               as it is, at another threshold
    own best threshold          a detector that is not novelty: |score| by the same alarm rule, and the threshold that
                                is best on these very files, so rather too kind
    own best threshold          of "all together" too: the mean of novelty's twelve views and the other detectors, each
                                as a share of the score at which it has no doubt left
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from callgauge_detectors.change_point import ChangePoint, ChangePointConfig
from callgauge_detectors.ewma import Ewma, EwmaConfig
from callgauge_detectors.novelty import CLIP, Novelty, NoveltyConfig, twelve_views
from callgauge_detectors.novelty_alarm import AlarmRule
from callgauge_detectors.ratio import Ratio, RatioConfig
from callgauge_detectors.seasonal import Seasonal, SeasonalConfig
from callgauge_detectors.trend import Trend, TrendConfig
from callgauge_detectors.verdict import Detector
from callgauge_detectors.zscore import ZScore, ZScoreConfig
from tests.bench.nab_score import PROFILES, STANDARD, FileScore, Profile, Window, normalised, probation, score_file
from tests.bench.report import FOLDER, report

__all__ = ["NabFile", "load", "run"]

DROPS = (1, 60, 120, 180)
WINDOW_MS = 300_000  # of most files
#: Size of a score, in σ, beyond which a detector that is not novelty is as sure as it can be.
CERTAIN = 6.0
FORMS: Mapping[str, Callable[[], NoveltyConfig]] = {"1 view": NoveltyConfig, "12 views": twelve_views}
OTHERS: Mapping[str, Callable[[], Detector]] = {
    "zscore, median": lambda: ZScore(ZScoreConfig()),
    "zscore, mean": lambda: ZScore(ZScoreConfig(method="mean")),
    "ewma": lambda: Ewma(EwmaConfig()),
    "seasonal": lambda: Seasonal(SeasonalConfig(window_ms=WINDOW_MS)),
    "trend": lambda: Trend(TrendConfig(window_ms=WINDOW_MS)),
    "change_point": lambda: ChangePoint(ChangePointConfig()),
    "ratio to yesterday": lambda: Ratio(RatioConfig(window_ms=WINDOW_MS)),
}

Row = dict[str, object]
#: Flagged rows, or scores of all rows, by file name.
Detections = Mapping[str, Sequence[int]]
Scores = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class NabFile:
    """One labelled series.

    Attributes:
        name: <group>/<file>.csv.
        windows: labelled anomalies, first and last row of each.
    """

    name: str
    at_ms: list[int]
    values: list[float]
    windows: list[Window]

    def score(self, detections: Iterable[int], profile: Profile) -> FileScore:
        return score_file(detections, self.windows, len(self.values), profile)


def load(folder: Path) -> list[NabFile]:
    """The labelled files of a folder, in order of their names."""
    labels = next((path for path in (folder / "labels", folder.parent / "labels") if path.is_dir()), None)
    if labels is None:
        raise FileNotFoundError(f"no labels folder in {folder} or beside it")
    windows = json.loads((labels / "combined_windows.json").read_text())
    return [_read(folder, name, windows[name]) for name in sorted(windows) if (folder / name).is_file()]


def _read(folder: Path, name: str, windows: Sequence[tuple[str, str]]) -> NabFile:
    with (folder / name).open(newline="") as lines:
        rows = [(_ms(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]
    at_ms = [at for at, _ in rows]
    inside = [[i for i, at in enumerate(at_ms) if _ms(start) <= at <= _ms(end)] for start, end in windows]
    return NabFile(name, at_ms, [value for _, value in rows], sorted((min(each), max(each)) for each in inside if each))


def _ms(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True)
class Replay:
    """What a detector said about all files: scores, flagged rows, and how long that took."""

    scores: dict[str, list[float]]
    flagged: dict[str, list[int]]
    us_per_update: float


def replay(
    files: Sequence[NabFile], make: Callable[[], Detector], drop: int = 0, magnitude: Callable[[float], float] = float
) -> Replay:
    """Each file through a new detector, without its first `drop` rows (they count as score 0)."""
    scores: dict[str, list[float]] = {}
    flagged: dict[str, list[int]] = {}
    seconds, updates = 0.0, 0
    for file in files:
        detector, rows = make(), range(drop, len(file.values))
        started = time.perf_counter()
        verdicts = [detector.update(file.values[row], file.at_ms[row]) for row in rows]
        seconds += time.perf_counter() - started
        updates += len(verdicts)
        scores[file.name] = [0.0] * drop + [magnitude(verdict.score) for verdict in verdicts]
        flagged[file.name] = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.level != "none"]
    return Replay(scores, flagged, seconds / updates * 1e6)


def alarms(scores: Sequence[float], threshold: float) -> list[int]:
    """Rows that the alarm rule flags at another threshold."""
    rule = AlarmRule(threshold)
    return [row for row, score in enumerate(scores) if rule.judge(score)]


def figures(files: Sequence[NabFile], detections: Detections) -> Row:
    """Scores under the three profiles, windows found, false alarms."""
    row: Row = {}
    for profile in PROFILES:
        parts = [file.score(detections[file.name], profile) for file in files]
        row[profile.name] = normalised(parts, profile)
        row |= {
            "found": sum(part.found for part in parts),
            "windows": sum(part.windows for part in parts),
            "false_alarms": sum(part.false_alarms for part in parts),
        }
    return row


def by_threshold(files: Sequence[NabFile], scores: Scores, thresholds: Sequence[float]) -> dict[float, Detections]:
    return {c: {file.name: alarms(scores[file.name], c) for file in files} for c in thresholds}


def best_threshold(files: Sequence[NabFile], tried: Mapping[float, Detections]) -> float:
    """The threshold with the highest standard score on `files`."""

    def standard(c: float) -> float:
        return normalised((file.score(tried[c][file.name], STANDARD) for file in files), STANDARD)

    return max(tried, key=standard)


def leave_one_out(files: Sequence[NabFile], tried: Mapping[float, Detections]) -> Detections:
    """Each file's alarms at the threshold that is best on the others."""
    detections = {}
    for left_out in files:
        others = [file for file in files if file is not left_out]
        detections[left_out.name] = tried[best_threshold(others, tried)][left_out.name]
    return detections


def novelty_rows(files: Sequence[NabFile], name: str, config: NoveltyConfig, whole: Replay) -> list[Row]:
    """All rows of one form of the novelty detector."""
    thresholds = [config.threshold * (0.7 + 0.05 * step) for step in range(13)]
    tried = by_threshold(files, whole.scores, thresholds)
    cost = {"us_per_update": whole.us_per_update, "kb_per_series": Novelty(config).bytes / 1000}
    rows = [
        _titled(name, "as it is", config.threshold) | figures(files, whole.flagged) | cost,
        _titled(name, "others' threshold") | figures(files, leave_one_out(files, tried)),
    ]
    for drop in DROPS:
        shortened = replay(files, lambda: Novelty(config), drop)
        rows.append(_titled(name, f"first {drop} rows dropped", config.threshold) | figures(files, shortened.flagged))
    for c, detections in tried.items():
        factor = c / config.threshold
        if 0.001 < abs(factor - 1) < 0.16:
            rows.append(_titled(name, f"threshold x {factor:.2f}", c) | figures(files, detections))
    return rows


def own_best_row(files: Sequence[NabFile], name: str, scores: Scores) -> Row:
    """Any scores by the same alarm rule."""
    tried = by_threshold(files, scores, [0.05 * 1.15**step for step in range(56)])
    c = best_threshold(files, tried)
    return _titled(name, "own best threshold", c) | figures(files, tried[c])


def together(all_scores: Sequence[tuple[Scores, float]]) -> Scores:
    """The mean of several detectors' scores, each as a share of its `full` one, at most 1.

    Args:
        all_scores: scores and `full` of each.
    """
    names = all_scores[0][0]
    parts = {name: [np.clip(np.array(scores[name]) / full, 0, 1) for scores, full in all_scores] for name in names}
    return {name: np.mean(part, axis=0).tolist() for name, part in parts.items()}


def _titled(detector: str, run: str, threshold: float | None = None) -> Row:
    return {"detector": detector, "run": run, "threshold": threshold}


def run(folder: Path, out: Path = FOLDER) -> list[Row]:
    """All rows of the table, for the files under `folder`; draws <out>/nab.png."""
    files = load(folder)
    rows: list[Row] = []
    for form, make_config in FORMS.items():
        config = make_config()
        novelty = replay(files, lambda config=config: Novelty(config))  # type: ignore[misc]
        rows += novelty_rows(files, f"novelty, {form}", config, novelty)
    draw(files, novelty.flagged, out / "nab.png")
    all_scores: list[tuple[Scores, float]] = [(novelty.scores, CLIP)]
    for name, make in OTHERS.items():
        other = replay(files, make, magnitude=abs)
        rows.append(own_best_row(files, name, other.scores) | {"us_per_update": other.us_per_update})
        all_scores.append((other.scores, CERTAIN))
    return [*rows, own_best_row(files, "all together", together(all_scores))]


def draw(files: Sequence[NabFile], flagged: Detections, path: Path) -> None:
    """Each file's series, labelled windows (shaded) and alarms (red lines)."""
    figure = Figure(figsize=(24, 2.4 * math.ceil(len(files) / 4)), layout="tight")
    for place, file in enumerate(files, 1):
        axes = figure.add_subplot(math.ceil(len(files) / 4), 4, place)
        axes.plot(file.values, linewidth=0.5)
        axes.axvspan(0, probation(len(file.values)), color="lightgrey", alpha=0.4)
        for first, last in file.windows:
            axes.axvspan(first, last, color="orange", alpha=0.4)
        for row in flagged[file.name]:
            axes.axvline(row, color="red", linewidth=0.8)
        axes.set_title(file.name, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nab", type=Path, required=True, metavar="FOLDER", help="laid out as the benchmark's data")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="FOLDER", help="where nab.json and nab.png go")
    arguments = parser.parse_args()
    report("nab", run(arguments.nab, arguments.out), title=f"NAB, {arguments.nab}", notes=NOTES, folder=arguments.out)


NOTES = (
    "0 = silence, 100 = each window at its first row and nothing else; one configuration and one threshold for all "
    "files. kb_per_series: the remembered numbers."
)

if __name__ == "__main__":
    main()
