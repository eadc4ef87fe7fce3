"""Real calls for the questions' tests: three recordings laid side by side over three hours across the end of a month.

Real are tokens, the latencies, costs and answers' lengths of LLMDrift, and latencies and 429s of llmperf. Users, prompt
versions, sessions, caches and steps of traces are laid over them, since no recording has any.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from callgauge.schema import Call, Score, StateChange
from callgauge_load import read_trace

__all__ = ["END_MS", "START_MS", "real_calls", "real_scores", "trace_calls"]

START_MS, END_MS = 1_772_317_800_000, 1_772_328_600_000  # 2026-02-28 22:30 to 2026-03-01 01:30 UTC
_SPAN_S = (END_MS - START_MS) / 1000
_LLMPERF = Path(__file__).parents[4] / "data" / "llmperf_calls.csv"


def real_calls() -> list[Call]:
    """1,500 calls of models in the order of their ends, and the four spans of one trace."""
    samples = files("callgauge_deploy") / "samples"
    azure = list(islice(read_trace(Path(str(samples / "azure_code.csv.gz"))), 600))
    drift = list(islice(read_trace(Path(str(samples / "llmdrift_gpt4.csv.gz"))), 0, None, 13))[:600]
    recordings = [azure, drift, list(_llmperf())]
    calls = [call for recording in recordings for call in _laid_out(recording)]
    calls = [_with_people(at, call) for at, call in enumerate(calls)]
    return sorted([*calls, *trace_calls()], key=lambda call: (call.ts + (call.latency_ms or 0) / 1e3, call.event_id))


def _laid_out(calls: list[Call]) -> Iterator[Call]:
    """Their ends evenly over the period, in the order in which they came; a call may begin before it."""
    for at, call in enumerate(calls):
        end = START_MS / 1000 + _SPAN_S * (at + 0.5) / len(calls)
        yield call.model_copy(update={"ts": round(end - (call.latency_ms or 0.0) / 1e3, 3)})


def _llmperf() -> Iterator[Call]:
    with _LLMPERF.open() as file:
        for at, row in enumerate(csv.DictReader(file)):
            failed = bool(row["error_code"])
            yield Call(
                event_id=f"llmperf-{at}", ts=0.0, service="llmperf", model=row["model"], provider=row["provider"],
                feature="bench", status="error" if failed else "success",
                error_type=("rate_limit" if row["error_code"] == "429" else None) if failed else None,
                http_status=429 if row["error_code"] == "429" else None,
                latency_ms=float(row["end_to_end_latency_s"] or 0) * 1e3,
                time_to_first_token_ms=None if failed else float(row["ttft_s"]) * 1e3,
                input_tokens=int(row["input_tokens"] or 0), output_tokens=int(row["output_tokens"] or 0),
            )  # fmt: skip


def _with_people(at: int, call: Call) -> Call:
    hit = at % 11 == 0
    changes = {
        "user_id": "" if at % 9 == 0 else f"user-{at * at % 17}",
        "session_id": f"session-{at // 10}",
        "prompt_version": f"v{at % 2 + 1}",
        "cache_hit": hit,
        "cache_level": ("exact", "semantic", None)[at // 11 % 3] if hit else None,
        "cache_read_tokens": (call.input_tokens or 0) // 4 if at % 3 == 0 else None,
    }
    if at % 97 == 5:
        changes |= {"status": "cancelled"}
    return call.model_copy(update=changes)


def trace_calls() -> list[Call]:
    """A request of 1,000 ms with a retrieval, two models side by side and a tool that nobody waits for."""
    base = START_MS / 1000 + 600

    def span(name: str, parent: str, begin_ms: int, latency_ms: int, operation: str, **more: Any) -> Call:
        return Call(
            event_id=f"trace-{name}", trace_id="trace-1", span_id=name, parent_span_id=parent, ts=base + begin_ms / 1e3,
            latency_ms=float(latency_ms), service="agent", operation=operation, name=name, **more,
        )  # fmt: skip

    return [
        span("request", "", 0, 1_000, "chain"),
        span("retrieve", "request", 100, 200, "retrieval"),
        span("short", "request", 300, 250, "chat", model="m", cost_usd=0.25, input_tokens=10, output_tokens=5),
        span("long", "request", 300, 600, "chat", model="m", cost_usd=0.5, input_tokens=20, output_tokens=7),
    ]


def real_scores(calls: list[Call]) -> list[Score | StateChange]:
    """Of each third call whether its answer was short, of each fifth a thumb; some without labels; a breaker."""
    found: list[Score | StateChange] = []
    for at, call in enumerate(calls):
        told: dict[str, Any] = {
            "ts": call.ts + (call.latency_ms or 0) / 1e3,
            "service": call.service,
            "labels": {"model": call.model, "feature": call.feature} if at % 4 else {},
        }
        of_call = told | {"event_id": call.event_id}
        if at % 3 == 0:
            short = float((call.output_tokens or 0) < 20)
            found.append(Score(score_id=f"short-{at}", name="short", value=short, origin="heuristic", **of_call))
        if at % 5 == 0:
            found.append(Score(score_id=f"thumb-{at}", name="thumbs", value=(at % 7 - 3) / 2, origin="user", **of_call))
        if at % 300 == 0:
            states: dict[str, Any] = {"breaker": "lepton", "from_state": "closed", "to_state": "open"}
            found.append(StateChange(event_id=f"breaker-{at}", **states, **told))
    return found
