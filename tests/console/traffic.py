"""Made-up traffic for the page's tests: calls, traces, scores, alerts of two days, the same at each run. Some names try
to be HTML or script."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from callgauge.schema import Alert, Call, Mark, Score
from callgauge_rules.raised import raised

__all__ = ["NASTY", "Traffic", "made_traffic"]

#: Values of labels and tags that a page must show as they are. Each would change the title if it were run.
NASTY = {
    "service": "<img src=x onerror=document.title='xss'>",
    "model": "\"><script>document.title='xss'</script>",
    "feature": "javascript:document.title='xss'",
    "user_id": "{{constructor.constructor('document.title=1')()}}<svg/onload=document.title='xss'>",
    "provider": "</script><script>document.title='xss'</script>",
    "endpoint": "<a href=javascript:document.title='xss'>endpoint</a>",
    "response_model": "<iframe srcdoc='<script>parent.document.title=1</script>'>",
    "prompt_version": "v9<details open ontoggle=document.title='xss'>",
    "variant": "`${document.title='xss'}`<math><mtext onclick=document.title='xss'>",
    "session_id": "<object data=javascript:document.title='xss'>",
    "mark": "<img src=x onerror=document.title='xss'> v1 → v2",
    "tag": "<b onmouseover=document.title='xss'>tag</b>",
}
_SERVICES = (("chat", 0.5), ("search", 0.3), ("summaries", 0.18), (NASTY["service"], 0.02))
_MODELS = (("gpt-4o", 0.45), ("claude-sonnet", 0.35), ("gpt-4o-mini", 0.17), (NASTY["model"], 0.03))
_FEATURES = ("answer", "rewrite", "title", NASTY["feature"])
_PROVIDERS = {"gpt-4o": "openai", "gpt-4o-mini": "openai", "claude-sonnet": "anthropic"}
_ODD = ("provider", "endpoint", "response_model", "prompt_version", "variant", "session_id")
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Traffic:
    """See above."""

    calls: list[Call]
    scores: list[Score]
    alerts: list[Alert]
    marks: list[Mark] = field(default_factory=list)


def made_traffic(now_s: float, calls: int = 4_000) -> Traffic:
    """Two hours up to now, and the same two hours a day before."""
    rng = random.Random(7)
    made = [call for at in _times(rng, now_s, calls) for call in _calls(rng, at, now_s)]
    made.sort(key=lambda call: call.ts + (call.latency_ms or 0) / 1e3)
    scores = [score for call in made[::5] if call.ts > now_s - 7_200 for score in _scores(rng, call)]
    changes = [
        Mark(mark_id="m1", effective_from=now_s - 1_500, text=NASTY["mark"]),
        Mark(mark_id="m2", effective_from=now_s - 700, text="gpt-4o → gpt-4.1", service=NASTY["service"]),
    ]
    return Traffic(made, scores, list(_alerts(now_s)), changes)


def _times(rng: random.Random, now_s: float, calls: int) -> Iterator[float]:
    for number in range(calls):
        day = _DAY_S if number % 5 < 2 else 0.0
        yield now_s - day - 7_200 * (1 - number / calls) + rng.random()


def _calls(rng: random.Random, at: float, now_s: float) -> Iterator[Call]:
    service, model = _chosen(rng, _SERVICES), _chosen(rng, _MODELS)
    number = rng.getrandbits(62)
    trace = f"{number:032x}"
    bad = service == "search" and now_s - 2_400 < at < now_s - 1_500
    failed = rng.random() < (0.3 if bad else 0.012)
    latency = rng.lognormvariate(6.6, 0.5) * (2.5 if bad else 1.0)
    shared: dict[str, Any] = {
        "service": service,
        "feature": rng.choice(_FEATURES),
        "environment": "production",
        "user_id": NASTY["user_id"] if rng.random() < 0.02 else f"user-{int(rng.paretovariate(1.1)) % 40:02d}",
        "trace_id": trace,
    }
    if number % 3 == 0:
        yield Call(
            event_id=f"c{trace}", ts=at, span_id="root", operation="chain", name="answer question",
            latency_ms=latency * 1.6, **shared,
        )  # fmt: skip
        yield Call(
            event_id=f"r{trace}", ts=at + 0.01, span_id="find", parent_span_id="root", operation="retrieval",
            name="search index", latency_ms=latency * 0.3, **shared,
        )  # fmt: skip
    tokens_in, tokens_out = int(rng.lognormvariate(6.5, 0.8)), int(rng.lognormvariate(4.8, 0.7))
    odd = {name: NASTY[name] for name in _ODD if model == NASTY["model"]}
    price = 2.5e-6 if model == "gpt-4o" else 1e-6
    yield Call(
        event_id=f"m{trace}",
        ts=at + (latency * 0.35 / 1e3 if number % 3 == 0 else 0.0),
        span_id="model",
        parent_span_id="root" if number % 3 == 0 else "",
        model=model,
        provider=odd.get("provider") or _PROVIDERS.get(model, "other"),
        prompt_version=odd.get("prompt_version") or rng.choice(("v1", "v2")),
        endpoint=odd.get("endpoint", ""),
        response_model=odd.get("response_model", ""),
        variant=odd.get("variant", ""),
        session_id=odd.get("session_id", ""),
        latency_ms=latency,
        time_to_first_token_ms=latency * 0.2 if rng.random() < 0.8 else None,
        input_tokens=tokens_in,
        output_tokens=0 if failed else tokens_out,
        cost_usd=tokens_in * price + tokens_out * price * 4,
        status="error" if failed else "success",
        error_type="timeout" if failed else None,
        error_message=NASTY["tag"] if failed else "",
        finish_reason="length" if rng.random() < 0.05 else "stop",
        tags={NASTY["tag"]: NASTY["tag"], "region": "eu"},
        **shared,
    )


def _scores(rng: random.Random, call: Call) -> Iterator[Score]:
    for name, origin, value in (
        ("helpfulness", "judge", rng.betavariate(6, 2)),
        ("thumbs", "user", float(rng.random() < 0.85)),
        ("refusal", "heuristic", float(rng.random() < 0.04)),
    ):
        yield Score(
            score_id=f"{name}-{call.event_id}"[:64],
            ts=call.ts + 2.0,
            name=name,
            origin=origin,  # type: ignore[arg-type]  # one of those
            value=value,
            event_id=call.event_id,
            service=call.service,
            labels={"model": call.model, "feature": call.feature},
        )


def _alerts(now_s: float) -> Iterator[Alert]:
    points = [[now_s - 600 + 10 * n, 0.01 + (0.004 * n if n > 30 else 0.0)] for n in range(60)]
    firing = raised(
        "high_error_rate", "critical", {"service": "search"}, round((now_s - 300) * 1e3), summary="too many calls fail",
        aggregate="error_rate", value=0.31, n=412,
    )  # fmt: skip
    yield firing.model_copy(
        update={"points": points, "threshold": 0.1, "op": "gt", "detector": "threshold", "lookback_s": 300.0}
    )
    slow = raised(
        "slow_model", "warning", {"model": NASTY["model"]}, round((now_s - 900) * 1e3), summary=NASTY["service"],
        aggregate="latency_p95_ms", value=8_412.0, n=88,
    )  # fmt: skip
    yield slow.model_copy(update={"runbook": "javascript:document.title='xss'"})
    over = raised(
        "hourly_cost", "error", {"service": "chat"}, round((now_s - 3_000) * 1e3), summary="an hour costs too much",
        aggregate="cost_usd", value=12.5, n=900,
    )  # fmt: skip
    yield over
    yield over.model_copy(
        update={"state": "resolved", "seq": over.seq + 1, "at": now_s - 2_000, "ends_at": now_s - 2_000}
    )


def _chosen(rng: random.Random, weighted: tuple[tuple[str, float], ...]) -> str:
    return rng.choices([name for name, _ in weighted], [weight for _, weight in weighted])[0]
