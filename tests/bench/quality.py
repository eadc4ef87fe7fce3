"""The heuristics: answers a second on one core, and how well they see what they claim to see.

    python -m tests.bench.quality [--no-drift]

The data lie in ../shared/data (CALLGAUGE_BENCH_DATA says otherwise). `--no-drift` leaves out the live run of LLMDrift,
which takes two and a half minutes.
"""

from __future__ import annotations

import sys
import time

from callgauge_quality.heuristics import Heuristics
from tests.bench.quality_auc import aucs
from tests.bench.quality_data import FOLDER, json_lines
from tests.bench.quality_drift import SERIES, measure
from tests.bench.quality_refusal import cross_validated
from tests.bench.report import report

__all__ = ["main"]

#: About 300 tokens of English.
LEAST_CHARS, MOST_CHARS = 1_100, 1_400


def answers_per_s_core() -> tuple[float, int]:
    """Answers that one core scores in a second of its time, in the least disturbed of 15 rounds; and how many."""
    rows = [
        (row["user_query"], row["chatgpt_response"])
        for row in json_lines("hallucination_dev/halueval_general_dev.jsonl.gz")
    ]
    texts = [response for _, response in rows]
    # Few answers are so long: two that follow each other make one.
    joined = [(q, f"{a}\n\n{b}") for (q, a), b in zip(rows, texts[1:], strict=False)]
    chosen = [(q, a) for q, a in joined if LEAST_CHARS <= len(a) <= MOST_CHARS]
    heuristics, best = Heuristics(), float("inf")
    for _ in range(15):
        began = time.thread_time_ns()
        for question, answer in chosen:
            heuristics.scores(question, answer, "bench")
        best = min(best, (time.thread_time_ns() - began) / 1e9 / len(chosen))
    return 1.0 / best, len(chosen)


def drift() -> dict[str, object]:
    """For each series, after how many calls of the second version each rule told; nothing told is nothing."""
    told = measure()
    return {
        series.name: {each.rule: round(each.calls) for each in reversed(told) if each.series == series.name}
        for series in SERIES
    }


def main(*arguments: str) -> None:
    """Measure and report."""
    if not FOLDER.exists():
        print(f"{FOLDER} is not there: nothing is measured; CALLGAUGE_BENCH_DATA names another folder")
        return
    per_s, answers = answers_per_s_core()
    refusals, areas = cross_validated(), aucs()
    told = {} if "--no-drift" in arguments else drift()
    summary = {
        "answers_per_s_core": round(per_s),
        "refusal_f1_xstest": round(refusals["XSTest"].f1, 4),
        "refusal_f1_llmdrift": round(refusals["LLMDrift opinions"].f1, 4),
        "marker_auc": {name: round(value, 4) for name, value in areas.items()},
        "drift": told,
    }
    rows: list[dict[str, object]] = [{"what": f"answers/s on a core, {answers} answers of 300 tokens", "value": per_s}]
    rows += [{"what": f"refusal, {name}: F1", "value": found.f1} for name, found in refusals.items()]
    rows += [{"what": f"AUC or share: {name}", "value": value} for name, value in areas.items()]
    rows += [{"what": f"calls until told: {name}", "value": str(rules or "-")} for name, rules in told.items()]
    report("quality", rows, title="Quality", summary=summary)


if __name__ == "__main__":
    main(*sys.argv[1:])
