"""How well each heuristic tells labelled answers apart: the area under the ROC curve (.5 is chance)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import numpy as np

from callgauge_quality.coherence import coherence
from callgauge_quality.completeness import answer_completeness
from callgauge_quality.cut_off import is_cut_off
from callgauge_quality.grounding import ungrounded
from callgauge_quality.hallucination_markers import hallucination_markers
from callgauge_quality.hedging import hedging
from callgauge_quality.relevance import lexical_relevance
from callgauge_quality.repetition import repetition
from callgauge_quality.text import Text
from tests.bench.quality_data import FOLDER, json_lines

__all__ = ["area", "aucs"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_FAITHBENCH = "hallucination_dev/faithbench_nc/faithbench_dev.jsonl.gz"


def area(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    both = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = len(positive), len(negative)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def _split(rows: Sequence[tuple[bool, float | None]]) -> float:
    return area([v for bad, v in rows if bad and v is not None], [v for bad, v in rows if not bad and v is not None])


def aucs() -> dict[str, float]:
    """Heuristic and data -> AUC. Data that is not there is left out."""
    general = [
        (row["hallucination"] == "yes", row["user_query"], row["chatgpt_response"])
        for row in json_lines("hallucination_dev/halueval_general_dev.jsonl.gz")
    ]
    facts = [
        ("false" in row["human_judge"], row["chatgpt_response"])
        for row in json_lines("hallucination_dev/halueval2_human_dev.jsonl.gz")
        if len(row["chatgpt_fact"]) == len(row["human_judge"])
    ]
    found = {
        "markers, HaluEval general": _split([(bad, hallucination_markers(Text(a))) for bad, _, a in general]),
        "markers, HaluEval 2": _split([(bad, hallucination_markers(Text(a))) for bad, a in facts]),
        "hedging, HaluEval general": _split([(bad, hedging(Text(a))) for bad, _, a in general]),
        "hedging, HaluEval 2": _split([(bad, hedging(Text(a))) for bad, a in facts]),
        "ungrounded, HaluEval QA": _split(_question_answers()),
        **_built([(q, a) for _, q, a in general]),
    }
    if (FOLDER / _FAITHBENCH).exists():  # non-commercial: it is read where it lies, and never copied
        summaries = [
            (any("Unwanted" in str(label) for note in row["annotations"] for label in note["label"]), row)
            for row in json_lines(_FAITHBENCH)
        ]
        by_name: dict[str, Callable[[Text, Text], float | None]] = {
            "markers": lambda source, answer: hallucination_markers(answer),
            "hedging": lambda source, answer: hedging(answer),
            "ungrounded": ungrounded,
        }
        for name, score in by_name.items():
            rows = [(bad, score(Text(row["source"]), Text(row["summary"]))) for bad, row in summaries]
            found[f"{name}, FaithBench"] = _split(rows)
    return found


def _question_answers() -> list[tuple[bool, float | None]]:
    rows: list[tuple[bool, float | None]] = []
    for row in json_lines("hallucination_dev/halueval_qa_pairs_dev.jsonl.gz"):
        source = Text(row["knowledge"] + " " + row["question"])
        rows.append((False, ungrounded(source, Text(row["right_answer"]))))
        rows += [
            (True, ungrounded(source, Text(row[f"hallucinated_answer_{kind}"]))) for kind in ("one_turn", "multi_turn")
        ]
    return rows


def _built(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Where no labels are: answers against what was made of them."""
    chance = random.Random(20)
    others = [answer for _, answer in pairs]
    chance.shuffle(others)
    relevant, mixed, cut, looped = [], [], [], []
    for (question, answer), other in zip(pairs, others, strict=True):
        asked, given = Text(question), Text(answer)
        relevant += [(True, lexical_relevance(asked, given)), (False, lexical_relevance(asked, Text(other)))]
        turns = [s for pair in zip(_SENTENCE.split(answer), _SENTENCE.split(other), strict=False) for s in pair]
        mixed += [(True, coherence(given)), (False, coherence(Text(" ".join(turns))))]
        if len(answer) > 300:
            at = len(answer) // 3 + chance.randrange(len(answer) // 3)
            cut += [(True, answer_completeness(asked, given)), (False, answer_completeness(asked, Text(answer[:at])))]
            looped += [(is_cut_off(given), is_cut_off(Text(answer[:at])))]
    usual = sorted(repetition(Text(answer)) for _, answer in pairs)
    p99 = usual[int(0.99 * len(usual))]
    loops = [repetition(Text(f"{answer} " + f"{_SENTENCE.split(answer)[-1]} " * 5)) > p99 for _, answer in pairs]
    return {
        "relevance, answer of another question": _split(relevant),
        "coherence, two answers mixed": _split(mixed),
        "completeness, cut": _split(cut),
        "cut off: whole answers called cut": float(np.mean([whole for whole, _ in looped])),
        "cut off: cut answers found": float(np.mean([part for _, part in looped])),
        "repetition: p99 of ordinary answers": p99,
        "repetition: loops above it": float(np.mean(loops)),
    }


if __name__ == "__main__":
    for name, value in aucs().items():
        print(f"{value:.3f} {name}")
