"""The recorded traffic that detectors are tried on, as series of windows: (window end in ms, value or counts)."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from callgauge_detectors.counts import histogram_of
from callgauge_windows.histogram import bucket_of

__all__ = ["Call", "Series", "azure", "burstgpt", "histogram", "llmdrift", "otel", "servegen", "vllm", "windows"]

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
# Traces that only have seconds from their start begin on a Monday at 00:00 UTC.
MONDAY_MS = 1_699_833_600_000

Kind = Literal["traffic", "size", "distribution"]


@dataclass(frozen=True)
class Series:
    """One series of one kind of signal."""

    name: str
    kind: Kind
    window_ms: int
    points: list[tuple[int, Any]]
    gaps: frozenset[int] = frozenset()  # ends of the windows in which the whole model had no traffic

    @property
    def weeks(self) -> float:
        return (self.points[-1][0] - self.points[0][0]) / (168 * HOUR_MS)


@dataclass(frozen=True)
class Call:
    """One call, at its end."""

    at_ms: int
    model: str = ""
    values: dict[str, float] = field(default_factory=dict)
    failed: bool = False
    label: str = ""


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """A CSV file's rows, gzip or not."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        yield from csv.DictReader(file)


def windows(calls: Iterable[Call], width_ms: int) -> Iterator[tuple[int, list[Call]]]:
    """Tumbling windows by event time, (end, calls), empty ones between the first and the last too."""
    cells: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        cells[call.at_ms // width_ms].append(call)
    for cell in range(min(cells), max(cells) + 1):
        yield (cell + 1) * width_ms, cells.get(cell, [])


def histogram(values: Iterable[float]) -> dict[int, int]:
    """The exponential histogram of non-negative values, rounded to integers."""
    integers = np.array([round(value) for value in values], dtype=np.int64)
    buckets, counts = np.unique(bucket_of(integers[integers > 0]), return_counts=True)
    zero = int((integers <= 0).sum())
    return dict(histogram_of(zero, dict(zip(buckets.tolist(), counts.tolist(), strict=True))))


def azure(folder: Path) -> list[Series]:
    """An hour of code and of conversation requests: calls and tokens per minute, output tokens per call."""
    series = []
    for name in ("code", "conv"):
        calls = []
        for row in rows_of(folder / "azure_llm_2023" / f"AzureLLMInferenceTrace_{name}.csv"):
            at = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC).timestamp()
            calls.append(
                Call(int(at * 1000), values={"in": float(row["ContextTokens"]), "out": float(row["GeneratedTokens"])})
            )
        cells = list(windows(calls, MINUTE_MS))[1:-1]  # the first and the last minute are cut
        tokens = [(at, sum(call.values["in"] + call.values["out"] for call in cell)) for at, cell in cells]
        series += [
            Series(f"{name} calls", "traffic", MINUTE_MS, [(at, float(len(cell))) for at, cell in cells]),
            Series(f"{name} tokens", "traffic", MINUTE_MS, tokens),
        ]
        for what in ("in", "out"):
            means = [(at, float(np.mean([c.values[what] for c in cell])) if cell else None) for at, cell in cells]
            counts = [(at, histogram(call.values[what] for call in cell)) for at, cell in cells]
            series.append(Series(f"{name} {what} tokens mean", "size", MINUTE_MS, means))
            series.append(Series(f"{name} {what} tokens", "distribution", MINUTE_MS, counts))
    return series


def burstgpt(folder: Path) -> list[Series]:
    """A week of tokens per minute; a minute without requests has no row and is 0."""
    rows = rows_of(folder / "burstgpt_aggregates" / "burstgpt1_week1_minute.csv")
    tokens = {int(row["minute"]): 60.0 * float(row["tokens_per_s"]) for row in rows}
    points = [(MONDAY_MS + (minute + 1) * MINUTE_MS, tokens.get(minute, 0.0)) for minute in range(10_080)]
    return [Series("tokens", "traffic", MINUTE_MS, points)]


def servegen(folder: Path) -> list[Series]:
    """Two weeks of four models: requests per 10 min in all and of the 20 biggest clients, token lengths per 6 h."""
    found: dict[tuple[str, Kind], list[tuple[int, Any]]] = defaultdict(list)
    width = 10 * MINUTE_MS
    for file, label in (("total_rate_10min", ""), ("client_rate_10min", "client")):
        for row in rows_of(folder / "servegen" / f"{file}.csv.gz"):
            name = f"{row['model']} {'client ' + row[label] if label else 'all'}"
            at = MONDAY_MS + round(float(row["t_s"])) * 1000 + width
            found[(name, "traffic")].append((at, float(row["rate_rps"]) * 600.0))
    with gzip.open(folder / "servegen" / "token_length_histograms_6h.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            for what in ("input_tokens", "output_tokens"):
                # Shares, not counts: taken as 2,000 calls a window, far fewer than there were.
                counts: dict[int, int] = defaultdict(int)
                for length, share in row[what].items():
                    bucket = int(bucket_of(np.array([max(1, int(length))]))[0])
                    counts[bucket] += share
                scaled = {bucket: round(2_000 * share) for bucket, share in counts.items() if share >= 0.00025}
                at = MONDAY_MS + int(row["window_start_s"]) * 1000 + 6 * HOUR_MS
                found[(f"{row['model']} client {row['client']} {what}", "distribution")].append((at, scaled))
    widths = {"traffic": width, "distribution": 6 * HOUR_MS}
    gaps = {
        name.split()[0]: frozenset(at for at, value in points if not value)
        for (name, _), points in found.items()
        if name.endswith(" all")
    }
    return [
        Series(name, kind, widths[kind], sorted(points, key=lambda point: point[0]), gaps[name.split()[0]])
        for (name, kind), points in found.items()
    ]


def otel(folder: Path) -> list[Call]:
    """2,294 spans of two models, at their ends."""
    return sorted(
        (
            Call(
                int(1000 * float(row["start_time_unix_s"]) + float(row["duration_ms"])),
                row["model"].rsplit("/", 1)[-1],
                {"latency_ms": float(row["duration_ms"])},
                row["is_error"] == "1",
                row["span_id"],
            )
            for row in rows_of(folder / "llm_calls" / "otel_llm_spans.csv.gz")
        ),
        key=lambda call: call.at_ms,
    )


def vllm(folder: Path) -> list[Call]:
    """6,000 requests under a load that is raised in steps, at their ends."""
    return sorted(
        (
            Call(
                int(1000 * float(row["finish_time_s"])),
                values={"ttft_ms": 1000 * float(row["ttft_s"])},
                label=row["load_scale"],
            )
            for row in rows_of(folder / "vllm_load_steps" / "requests.csv.gz")
        ),
        key=lambda call: call.at_ms,
    )


def llmdrift(folder: Path, file: str) -> dict[str, list[dict[str, str]]]:
    """The rows of each model, in the order of the questions."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(folder / "llmdrift" / f"{file}.csv.gz"):
        found[row["model"].split("/")[-1]].append(row)
    return found
