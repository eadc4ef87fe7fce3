"""The public data that the quality benchmarks are measured on: where it lies, and what is in it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FOLDER", "Labelled", "fold_of", "json_lines", "opinions", "prompts_of", "rows_of", "xstest"]

#: Where the data is; CALLGAUGE_BENCH_DATA says otherwise. What is not there is left out of the report.
FOLDER = Path(os.environ.get("CALLGAUGE_BENCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
# An answer of LLMDrift's survey picks an option: by its letter in brackets, or in front.
_PICKED = re.compile(r"\([A-Z]\)|^\s*[A-Z][.)](?:\s|$)")
csv.field_size_limit(1 << 24)


class Labelled(NamedTuple):
    """An answer, and whether it is a refusal."""

    model: str
    prompt: str
    answer: str
    refused: bool


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a gzipped CSV."""
    with gzip.open(FOLDER / name, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def json_lines(name: str) -> Iterator[Any]:
    """The records of a gzipped file of JSON lines."""
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def xstest() -> list[Labelled]:
    """XSTest's labelled completions; a partial refusal is one."""
    return [
        Labelled(row["model"], row["prompt"], row["completion"], row["final_label"] != "1_full_compliance")
        for row in rows_of("refusal_xstest/xstest_completions_labelled.csv.gz")
    ]


def opinions() -> list[Labelled]:
    """LLMDrift's opinion questions, in the order they were asked. A refusal is an answer that picks no option."""
    rows = rows_of("llmdrift/opinionqa.csv.gz")
    return [
        Labelled(
            row["model"].removeprefix("openaichat/"), row["query"], row["answer"], not _PICKED.search(row["answer"])
        )
        for row in rows
    ]


def prompts_of(rows: list[Labelled]) -> list[int]:
    """The fold of each row's prompt, 0 to 4."""
    return [fold_of(row.prompt) for row in rows]


def fold_of(prompt: str) -> int:
    """One of five folds; the same prompt is always in the same."""
    return int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % 5
