"""Makes the figures that `callgauge load` draws from out of public data sets: `python -m tests.fit_load FOLDER`.

FOLDER holds `servegen/`, `azure_llm_2023/`, `llm_calls/` and `vllm_load_steps/`. Only sets with a clear licence that
allows it are read, and only summaries of them are written (producers/callgauge_load/made/figures.json).
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import callgauge_load

TARGET = Path(callgauge_load.__file__).parent / "made" / "figures.json"
SHARES = np.linspace(0, 1, 21)
SOURCES = {
    "weekly": "ServeGen (alibaba/ServeGen, Apache-2.0): requests per hour of the week over 14 days, mean 1",
    "tokens": "quantiles 0, 5, .. 100 % of input and output tokens: Azure LLM inference traces 2023 (CC BY 4.0;"
    " P. Patel et al., Splitwise, ISCA 2024), ServeGen (Apache-2.0)",
    "speed": "llmperf-leaderboard (ray-project, Apache-2.0): median and sigma of ln, of TTFT and of the time between"
    " tokens, ms, per provider and model",
    "load": "BurstGPT_test (liao4s, MIT): median TTFT at so many times the traffic, relative to the least",
    "gap_cv": "coefficient of variation of the times between requests: deciles over ServeGen's largest clients"
    " (Apache-2.0); the last is of BurstGPT's conversations (BurstGPT_test, MIT)",
}


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, plain or gzipped."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def weekly(folder: Path) -> dict[str, list[float]]:
    """Model -> 168 hours; an hour in which nothing was recorded (a gap of the data) counts for nothing."""
    found: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in range(168)])
    for row in rows(folder / "servegen" / "total_rate_10min.csv.gz"):
        if float(row["rate_rps"]) > 0 and row["model"] != "deepseek-r1":
            found[row["model"]][int(row["t_s"]) // 3_600 % 168].append(float(row["rate_rps"]))
    shapes = {}
    for model, hours in found.items():
        means = np.array([np.mean(hour) if hour else np.nan for hour in hours])
        means[np.isnan(means)] = np.nanmean(means)
        shapes[model] = (means / means.mean()).round(3).tolist()
    return shapes


def tokens(folder: Path) -> dict[str, dict[str, list[int]]]:
    """Workload -> quantiles."""
    found: dict[str, dict[str, list[int]]] = {}
    for part in ("code", "conv"):
        table = list(rows(folder / "azure_llm_2023" / f"AzureLLMInferenceTrace_{part}.csv"))
        columns = {"input": "ContextTokens", "output": "GeneratedTokens"}
        found[f"azure-{part}"] = {
            name: np.quantile([int(row[column]) for row in table], SHARES).astype(int).tolist()
            for name, column in columns.items()
        }
    pooled: dict[str, dict[str, dict[int, float]]] = defaultdict(
        lambda: {"input": defaultdict(float), "output": defaultdict(float)}
    )
    with gzip.open(folder / "servegen" / "token_length_histograms_6h.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in map(json.loads, file):
            for name in ("input", "output"):
                for length, share in line[f"{name}_tokens"].items():
                    pooled[line["model"]][name][int(float(length))] += share
    for model, of in pooled.items():
        found[f"servegen-{model}"] = {name: _quantiles(of[name]) for name in ("input", "output")}
    return found


def _quantiles(histogram: dict[int, float]) -> list[int]:
    lengths = np.array(sorted(histogram))
    shares = np.cumsum([histogram[length] for length in lengths])
    at = np.searchsorted(shares / shares[-1], SHARES).clip(0, len(lengths) - 1)
    return lengths[at].tolist()  # type: ignore[no-any-return]


def speed(folder: Path) -> dict[str, dict[str, float]]:
    """Provider/model -> speed, of calls that did not fail."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows(folder / "llm_calls" / "llmperf_leaderboard_2023.csv.gz"):
        ttft_s, token_s = (float(row[name] or 0) for name in ("ttft_s", "inter_token_latency_s"))
        if not row["error_code"] and ttft_s > 0 and token_s > 0:
            found[f"{row['provider']}/{row['model']}"].append((ttft_s * 1e3, token_s * 1e3))
    speeds = {}
    for name, pairs in sorted(found.items()):
        if len(pairs) >= 100:
            logs = np.log(np.array(pairs))
            median, sigma = np.exp(np.median(logs, axis=0)).round(2), logs.std(axis=0).round(3)
            keys = ("ttft_ms", "token_ms", "ttft_sigma", "token_sigma")
            speeds[name] = dict(zip(keys, [*median.tolist(), *sigma.tolist()], strict=True))
    return speeds


def load(folder: Path) -> tuple[list[list[float]], float]:
    """([times the least traffic, times its TTFT] ..., coefficient of variation between arrivals)."""
    ttft_s: dict[int, list[float]] = defaultdict(list)
    arrivals: dict[int, list[float]] = defaultdict(list)
    for row in rows(folder / "vllm_load_steps" / "requests.csv.gz"):
        ttft_s[int(row["load_scale"])].append(float(row["ttft_s"]))
        arrivals[int(row["load_scale"])].append(float(row["finish_time_s"]) - float(row["total_s"]))
    least = min(ttft_s)
    curve = [
        [scale / least, round(float(np.median(ttft_s[scale]) / np.median(ttft_s[least])), 2)]
        for scale in sorted(ttft_s)
    ]
    gaps = np.diff(np.sort(arrivals[least]))
    return curve, round(float(gaps.std() / gaps.mean()), 2)


def gap_cv(folder: Path) -> list[float]:
    """Deciles 10, 20, .. 90 % over clients and hours."""
    table = rows(folder / "servegen" / "client_rate_10min.csv.gz")
    found = [float(row["cv"]) for row in table if row["cv"] and float(row["cv"]) > 0]
    return np.quantile(found, np.arange(1, 10) / 10).round(2).tolist()  # type: ignore[no-any-return]


def main() -> None:
    """The command line."""
    folder = Path(sys.argv[1])
    curve, burst_cv = load(folder)
    figures = {
        "sources": SOURCES,
        "weekly": weekly(folder),
        "tokens": tokens(folder),
        "speed": speed(folder),
        "load": curve,
        "gap_cv": [*gap_cv(folder), burst_cv],
    }
    lines = json.dumps(figures, separators=(",", ":")).replace('},"', '},\n"').replace('],"', '],\n"')
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(f"{lines}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
