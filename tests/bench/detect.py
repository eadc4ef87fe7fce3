"""Detectors on data that nobody here wrote: `python -m tests.bench.detect [--data FOLDER] [--nab FOLDER]`.

FOLDER of --nab is laid out as the Numenta Anomaly Benchmark's data, with labels/combined_windows.json inside or beside.
Prints a table for each question and writes build/bench/detect.json and a PNG per data set. A set that is missing in
FOLDER (by default ../shared/data) is left out, with a line that says so. All settings come from one place by kind of
signal, callgauge_detectors.defaults, and from the default rules.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from callgauge_detectors.burn_rate import BurnRate, BurnRateConfig
from callgauge_detectors.change_point import ChangePoint, ChangePointConfig
from callgauge_detectors.counts import CountsBaselineConfig, share_of
from callgauge_detectors.defaults import BURSTY, DEFAULTS, Default
from callgauge_detectors.drift_distribution import DriftDistribution, DriftDistributionConfig
from callgauge_detectors.drift_rate import DriftRate, DriftRateConfig
from callgauge_detectors.ewma import Ewma, EwmaConfig
from callgauge_detectors.exhaustion import Exhaustion, ExhaustionConfig
from callgauge_detectors.novelty import Novelty, NoveltyConfig, twelve_views
from callgauge_detectors.outlier_call import OutlierCall, OutlierCallConfig
from callgauge_detectors.ratio import DAY_MS, HOUR_MS, Ratio, RatioConfig
from callgauge_detectors.seasonal import Seasonal, SeasonalConfig
from callgauge_detectors.threshold import Limit, Threshold, ThresholdConfig
from callgauge_detectors.trend import Trend, TrendConfig
from callgauge_detectors.vectorised import ZScores, thresholds
from callgauge_detectors.verdict import LEVELS
from callgauge_detectors.zscore import ZScore, ZScoreConfig
from tests.bench.detect_data import Call, Series, azure, burstgpt, histogram, llmdrift, otel, servegen, vllm, windows
from tests.bench.detect_draw import Panel, draw
from tests.bench.detect_replay import Lifecycle, replay
from tests.bench.nab import run as run_nab
from tests.bench.report import FOLDER, Row, percentile, report

WINDOW_MS = 10_000
LOOKBACK = 30  # windows of 10 s: the default rules' 5 minutes
DRIFT_WINDOW = 50  # calls of LLMDrift in a window: it has no usable clock
LETTER = re.compile(r"^\s*\(?[A-Z]\)")  # an answer that picks an option


def lifecycle_of(default: Default) -> Lifecycle:
    return Lifecycle(default.least, default.for_windows)


# --- LLMDrift ---------------------------------------------------------------------------------------------------


def drift_counts(rows: Sequence[dict[str, str]], measure: str) -> Any:
    """The counts of one window of answers."""
    if measure == "style share":
        return share_of(sum(bool(LETTER.match(row["answer"])) for row in rows), len(rows))
    column, factor = {"tokens": ("answer_token", 1.0), "cost": ("cost", 1e9), "latency": ("latency", 1e6)}[measure]
    return histogram(float(row[column]) * factor for row in rows)


def drift_rows(folder: Path) -> tuple[list[Row], list[Panel]]:
    """Each pair of versions: the old one's answers, then the new one's, as `response_model` changes."""
    rows: list[Row] = []
    panels: list[Panel] = []
    baseline = CountsBaselineConfig(pinned=True)
    for file in ("opinionqa", "countahappynumber", "prime_full"):
        models = llmdrift(folder, file)
        for family, old, new in (("gpt-4", "0314", "0613"), ("gpt-3.5-turbo", "0301", "0613")):
            for measure in ("style share", "tokens", "cost", "latency"):
                if measure == "style share" and file != "opinionqa":
                    continue
                detector: Any = (
                    DriftRate(DriftRateConfig(baseline=baseline))
                    if measure == "style share"
                    else DriftDistribution(DriftDistributionConfig(baseline=baseline))
                )
                default = DEFAULTS["share" if measure == "style share" else "distribution"][0]
                found: list[tuple[str, int, int]] = []
                shown: list[tuple[int, float | None]] = []
                worst = None
                for version in (old, new):
                    detector.begin(version)
                    answers = models[f"{family}-{version}"]
                    for k in range(0, len(answers), DRIFT_WINDOW):
                        counts = drift_counts(answers[k : k + DRIFT_WINDOW], measure)
                        verdict = detector.update(counts, len(shown))
                        shown.append((len(shown), counts.get(1, 0) / sum(counts.values()) * 100))
                        if LEVELS.index(verdict.level) >= LEVELS.index(default.least):
                            found.append((version, k // DRIFT_WINDOW + 1, len(shown) - 1))
                            worst = worst or verdict
                rows.append(
                    {
                        "file": file,
                        "model": f"{family} {old} -> {new}",
                        "measure": measure,
                        "before_change": sum(version == old for version, _, _ in found),
                        "flagged": "yes" if any(version == new for version, _, _ in found) else "no",
                        "after_calls": next((w * DRIFT_WINDOW for v, w, _ in found if v == new), None),
                        "why": worst.reason if worst else "",
                    }
                )
                if measure == "style share":
                    title = f"{family} {old} -> {new}: answers that pick a letter, per {DRIFT_WINDOW}"
                    first = [at for _, _, at in found][:1]
                    panels.append(Panel(title, shown, {"drift_rate": first}, unit="%"))
    return rows, panels


# --- OTel spans -------------------------------------------------------------------------------------------------


def sliding(calls: Sequence[Call]) -> list[tuple[int, list[Call]]]:
    """The calls of the last 5 minutes at the end of each 10 s window."""
    cells, last = list(windows(calls, WINDOW_MS)), []
    for k, (at, _) in enumerate(cells):
        last.append((at, [call for _, cell in cells[max(0, k + 1 - LOOKBACK) : k + 1] for call in cell]))
    return last


def otel_rows(folder: Path) -> tuple[list[Row], list[Panel]]:
    """Error rate of the last 5 minutes > 5 % of at least 20 calls for 30 s, the default rule; a 99 % SLO's burn."""
    rows: list[Row] = []
    panels: list[Panel] = []
    calls = otel(folder)
    for model in sorted({call.model for call in calls}):
        own = [call for call in calls if call.model == model]
        failed = [call.at_ms for call in own if call.failed]
        lately = sliding(own)
        rate = [(at, sum(c.failed for c in cell) / len(cell) if len(cell) >= 20 else None) for at, cell in lately]
        bad = [at for at, cell in lately if cell and sum(c.failed for c in cell) / len(cell) > 0.05]
        threshold = replay(
            Threshold(ThresholdConfig((Limit("gt", 0.05, "critical"),))),
            rate,
            Lifecycle(for_windows=3, cooldown_ms=900_000),
        )
        burn = replay(
            BurnRate(BurnRateConfig(slo=0.99)),
            [(at, share_of(sum(c.failed for c in cell), len(cell))) for at, cell in windows(own, WINDOW_MS)],
            Lifecycle(cooldown_ms=900_000),
        )
        for name, result in (("threshold", threshold), ("burn_rate", burn)):
            fired = [alarm.at_ms for alarm in result.alarms]
            rows.append(
                {
                    "model": model,
                    "calls": len(own),
                    "errors": len(failed),
                    "detector": name,
                    "alarms": len(fired),
                    "after_first_error_s": (fired[0] - failed[0]) / 1000 if fired and failed else None,
                    "after_first_bad_window_s": (fired[0] - bad[0]) / 1000 if fired and bad else None,
                    "why": result.alarms[0].verdict.reason if fired else "",
                }
            )
        panels.append(Panel(f"{model}: error rate, last 5 min (20 calls at least)",
                            [(at, None if value is None else 100 * value) for at, value in rate],
                            {"threshold": [a.at_ms for a in threshold.alarms],
                             "burn_rate": [a.at_ms for a in burn.alarms]}, {"5 %": 5.0}, unit="%"))  # fmt: skip
    return rows, panels


# --- vLLM load ramp ---------------------------------------------------------------------------------------------


def vllm_rows(folder: Path) -> tuple[list[Row], list[Panel]]:
    """TTFT p95 of the last 5 minutes: its trend, and the default rule's threshold of 10 s for 1 min."""
    calls = vllm(folder)
    start = calls[0].at_ms
    raised = next(call.at_ms for call in calls if call.label != calls[0].label)
    p95 = [
        (at, percentile(sorted(c.values["ttft_ms"] for c in cell), 0.95) if len(cell) >= 50 else None)
        for at, cell in sliding(calls)
    ]
    sampled = [(at, value) for at, value in p95 if at % 30_000 == 0]
    default = DEFAULTS["latency"][0]
    slow = Threshold(ThresholdConfig((Limit("gt", 10_000.0, "high"),)))
    results = {
        "trend": replay(default.make(30_000), sampled, lifecycle_of(default)),
        "threshold 10 s": replay(slow, p95, Lifecycle()),
        "threshold 10 s for 1 min": replay(slow, p95, Lifecycle(for_windows=6)),
    }
    rows: list[Row] = [
        {
            "detector": name,
            "fired_at_s": (result.alarms[0].at_ms - start) / 1000 if result.alarms else None,
            "after_first_raise_s": (result.alarms[0].at_ms - raised) / 1000 if result.alarms else None,
            "alarms": len(result.alarms),
            "why": result.alarms[0].verdict.reason if result.alarms else "",
        }
        for name, result in results.items()
    ]
    shown = [(at, value) for at, value in p95 if at - start < 2_600_000]
    alarms = {name: [a.at_ms for a in result.alarms if a.at_ms <= shown[-1][0]] for name, result in results.items()}
    panel = Panel("TTFT p95 over 5 min while the load is raised from 100 to 2000", shown, alarms, {"10 s": 10_000.0},
                  log=True, unit="ms")  # fmt: skip
    return rows, [panel]


# --- traffic where nothing is wrong -----------------------------------------------------------------------------


def candidates(series: Series) -> dict[str, tuple[Callable[[], Any], Lifecycle]]:
    """The default of the series' kind, and every other detector that could have been it."""
    ms = series.window_ms
    chosen: dict[str, tuple[Callable[[], Any], Lifecycle]] = {
        f"default: {each.name}": (partial(each.make, ms), lifecycle_of(each)) for each in DEFAULTS[series.kind]
    }
    if series.kind == "distribution":
        return chosen | {
            "drift psi 0.5": (lambda: DriftDistribution(DriftDistributionConfig()), Lifecycle()),
            "drift js 0.2": (lambda: DriftDistribution(DriftDistributionConfig("js")), Lifecycle("critical")),
            "drift ks 0.3": (lambda: DriftDistribution(DriftDistributionConfig("ks")), Lifecycle("critical")),
        }
    three = Lifecycle(for_windows=3)
    return chosen | {
        "zscore mean 8 σ x3": (lambda: ZScore(ZScoreConfig("mean", tiers=BURSTY)), three),
        "zscore log 8 σ x3": (lambda: ZScore(ZScoreConfig("mean", "log", tiers=BURSTY)), three),
        "zscore median 8 σ x3": (lambda: ZScore(ZScoreConfig(tiers=BURSTY)), three),
        "zscore mean 4 σ x1": (lambda: ZScore(ZScoreConfig("mean")), Lifecycle()),
        "ewma 8 σ x3": (lambda: Ewma(EwmaConfig(tiers=BURSTY)), three),
        "seasonal 8 σ x3": (
            lambda: Seasonal(SeasonalConfig(window_ms=ms, follow_ms=0, min_seasons=3, tiers=BURSTY)),
            three,
        ),
        "trend 4 σ, doubling": (lambda: Trend(TrendConfig(window_ms=ms, least_change=1.0)), Lifecycle()),
        "change_point": (lambda: ChangePoint(ChangePointConfig(scale="log")), Lifecycle()),
        "ratio day > 3": (lambda: Ratio(RatioConfig(DAY_MS, DAY_MS, aligned=True, window_ms=ms)), Lifecycle()),
        "ratio hour > 3": (lambda: Ratio(RatioConfig(HOUR_MS, DAY_MS, window_ms=ms)), Lifecycle()),
    }


def normal_rows(name: str, sets: Sequence[Series]) -> tuple[list[Row], list[Panel]]:
    """Alarms per series and week; one while the whole model has no traffic (ServeGen's real gaps) is not false."""
    tally: dict[tuple[str, str], list[float]] = {}
    panels: list[Panel] = []
    for series in sets:
        alarms: dict[str, list[int]] = {}
        of = " clients" if "client" in series.name and series.kind == "traffic" else ""
        for detector, (make, lifecycle) in candidates(series).items():
            result = replay(make(), series.points, lifecycle)
            alarms[detector] = [alarm.at_ms for alarm in result.alarms]
            seen = tally.setdefault((series.kind + of, detector), [0, 0, 0.0, 0, 0])
            seen[0] += 1
            seen[1] += len(result.alarms)
            seen[2] += series.weeks
            seen[3] += bool(result.alarms)
            seen[4] += sum(alarm.at_ms in series.gaps for alarm in result.alarms)
        if series.kind != "distribution" and len(panels) < 8 and "client" not in series.name:
            kept = {d: alarms[d] for d in alarms if d.startswith("default")}
            panels.append(Panel(f"{name} {series.name}, {series.window_ms // 60_000} min windows", series.points, kept))
    rows: list[Row] = [
        {
            "set": name,
            "signal": kind,
            "detector": detector,
            "series": int(count),
            "series_weeks": weeks,
            "alarms": int(found),
            "series_with": int(having),
            "in_recorded_gaps": int(gaps),
            "per_series_week": found / weeks,
            "false_per_series_week": (found - gaps) / weeks,
        }
        for (kind, detector), (count, found, weeks, having, gaps) in tally.items()
    ]
    return rows, panels


# --- traffic where something is wrong ---------------------------------------------------------------------------


def changed(series: Series, factor: float, at: int, count: int) -> list[tuple[int, Any]]:
    """The series with `count` windows from index `at` on multiplied: an incident that is known."""
    return [(t, v * factor if v is not None and at <= k < at + count else v) for k, (t, v) in enumerate(series.points)]


def planted_rows(sets: Sequence[Series], starts: int = 8, hours: float = 2.0) -> list[Row]:
    """How many planted incidents each choice for traffic sees: what its silence costs."""
    tally: dict[tuple[str, str], list[int]] = {}
    for series in sets:
        length = round(hours * HOUR_MS / series.window_ms)
        first = len(series.points) // 3
        step = (len(series.points) - first - length) // starts
        chosen = {name: made for name, made in candidates(series).items() if "x3" in name or "default" in name}
        for what, factor in (("traffic stops", 0.0), ("half", 0.5), ("twice", 2.0), ("five times", 5.0)):
            for start in range(first, first + starts * step, step):
                points = changed(series, factor, start, length)[: start + length]
                for detector, (make, lifecycle) in chosen.items():
                    alarms = replay(make(), points, lifecycle).alarms
                    cell = tally.setdefault((what, detector), [0, 0])
                    cell[0] += 1
                    cell[1] += any(alarm.at_ms >= points[start][0] for alarm in alarms)
    return [
        {"incident": f"{what} for {hours:g} h", "detector": detector, "planted": n, "seen_%": 100 * seen / n}
        for (what, detector), (n, seen) in tally.items()
    ]


# --- cost -------------------------------------------------------------------------------------------------------


def cost_rows(updates: int = 2_000) -> list[Row]:
    """µs per update, of the last so many."""
    rng = random.Random(1)
    numbers = [rng.lognormvariate(5, 0.3) for _ in range(updates + 400)]
    shares = [share_of(sum(rng.random() < 0.05 for _ in range(20)), 20) for _ in numbers]
    lognormals = [histogram(rng.lognormvariate(13, 0.5) for _ in range(60)) for _ in range(400)] * (updates // 400 + 1)
    made: list[tuple[str, Any, Sequence[Any]]] = [
        ("threshold", Threshold(ThresholdConfig((Limit("gt", 1e3), Limit("gt", 1e4, "critical")))), numbers),
        ("zscore mean", ZScore(ZScoreConfig("mean")), numbers),
        ("zscore median", ZScore(ZScoreConfig("median")), numbers),
        ("ewma", Ewma(EwmaConfig()), numbers),
        ("seasonal", Seasonal(SeasonalConfig()), numbers),
        ("trend theil_sen 30", Trend(TrendConfig()), numbers),
        ("trend least_squares 30", Trend(TrendConfig(method="least_squares")), numbers),
        ("change_point", ChangePoint(ChangePointConfig()), numbers),
        ("ratio", Ratio(RatioConfig(HOUR_MS, HOUR_MS)), numbers),
        ("drift_rate", DriftRate(DriftRateConfig()), shares),
        ("drift psi", DriftDistribution(DriftDistributionConfig()), lognormals),
        ("drift js", DriftDistribution(DriftDistributionConfig("js")), lognormals),
        ("drift ks", DriftDistribution(DriftDistributionConfig("ks")), lognormals),
        ("burn_rate", BurnRate(BurnRateConfig()), shares),
        ("exhaustion", Exhaustion(ExhaustionConfig(budget=1e9)), numbers),
        ("outlier_call", OutlierCall(OutlierCallConfig()), lognormals),
        ("novelty 1 view", Novelty(NoveltyConfig()), numbers * 3),
        ("novelty 12 views", Novelty(twelve_views()), numbers * 3),
    ]
    rows: list[Row] = []
    for name, detector, inputs in made:
        started = 0.0
        for k, value in enumerate(inputs):
            if k == len(inputs) - updates:
                started = time.perf_counter()
            detector.update(value, (k + 1) * 60_000)
        us = (time.perf_counter() - started) / updates * 1e6
        rows.append({"detector": name, "us_per_update": us, "state_kb": len(json.dumps(detector.snapshot())) / 1000})
    return rows


def vectorised_rows(series: int = 10_000, rounds: int = 20) -> list[Row]:
    """Series-windows per second, threshold and z-score together, 288 windows of baseline."""
    rng = np.random.default_rng(1)
    limits = ThresholdConfig((Limit("gt", 105.0), Limit("gt", 130.0, "critical"), Limit("lt", 50.0)))
    rows: list[Row] = []
    for method in ("mean", "median"):
        scores = ZScores(series, ZScoreConfig("mean" if method == "mean" else "median"))
        state = {"values": rng.normal(100, 5, (series, 288)).tolist(), "learned": [288] * series}
        scores.restore(state)
        batches = [rng.normal(100, 5, series) for _ in range(rounds)]
        scores.update(batches[0])  # compiles
        started = time.perf_counter()
        for batch in batches:
            thresholds(batch, limits)
            scores.update(batch)
        per_s = series * rounds / (time.perf_counter() - started)
        rows.append(
            {"detectors": f"threshold + zscore {method}", "series": series, "series_windows_per_s": round(per_s)}
        )
    return rows


# --- all --------------------------------------------------------------------------------------------------------

Part = tuple[list[Row], list[Panel]]
#: Name, folder in the data, title, what it does, unit of the picture's time.
PARTS: list[tuple[str, str, str, Callable[[Path], Part], tuple[float, str]]] = [
    ("llmdrift", "llmdrift", "LLMDrift: a model version replaces another", drift_rows, (1.0, "windows")),
    ("otel", "llm_calls", "OTel spans: errors of one of two models", otel_rows, (3_600_000.0, "hours")),
    ("vllm", "vllm_load_steps", "vLLM under a load raised in steps", vllm_rows, (1_000.0, "seconds")),
    ("azure", "azure_llm_2023", "Azure 2023: normal traffic", lambda f: normal_rows("azure", azure(f)),
     (6e4, "minutes")),
    ("burstgpt", "burstgpt_aggregates", "BurstGPT: normal traffic", lambda f: normal_rows("burstgpt", burstgpt(f)),
     (8.64e7, "days")),
    ("servegen", "servegen", "ServeGen: normal traffic", lambda f: normal_rows("servegen", servegen(f)),
     (8.64e7, "days")),
]  # fmt: skip


def main(data: Path, nab: Path | None, out: Path) -> None:
    tables: dict[str, Sequence[Row]] = {}
    for name, folder, title, part, per in PARTS:
        if not (data / folder).is_dir():
            print(f"{title}: left out, there is no {data / folder}")
            continue
        rows, panels = part(data)
        tables[name] = rows
        report(f"detect_{name}", rows, title=title, folder=out)
        print(f"picture: {draw(out / f'detect_{name}.png', title, panels, per=per)}")
    if (data / "servegen").is_dir():
        totals = [s for s in servegen(data) if s.kind == "traffic" and s.name.endswith("all") and s.weeks > 1]
        tables["planted"] = planted_rows(totals)
        report("detect_planted", tables["planted"], title="ServeGen totals with planted incidents", folder=out)
    tables["cost"] = cost_rows()
    report("detect_cost", tables["cost"], title="Cost per update", folder=out)
    tables["vectorised"] = vectorised_rows()
    report("detect_vectorised", tables["vectorised"], title="Many series at once, one thread", folder=out)
    if nab is None and not (data / "nab").is_dir():
        print(f"NAB: left out, there is no {data / 'nab'}")
    else:
        nab = nab or data / "nab"
        tables["nab"] = run_nab(nab, out)
        report("detect_nab", tables["nab"], title="Numenta Anomaly Benchmark", folder=out)
    (out / "detect.json").write_text(json.dumps({name: list(rows) for name, rows in tables.items()}, indent=2))
    print(f"all tables: {out / 'detect.json'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Detectors on data that nobody here wrote.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data", metavar="FOLDER")
    parser.add_argument("--nab", type=Path, metavar="FOLDER", help="laid out as NAB's data; default: DATA/nab")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="FOLDER", help="where detect.json and the PNGs go")
    arguments = parser.parse_args()
    main(arguments.data, arguments.nab, arguments.out)
