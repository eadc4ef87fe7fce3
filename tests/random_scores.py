"""Seeded random records of the scores topic: scores of every origin, with and without labels, and breakers' changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from callgauge.schema import Score, StateChange

__all__ = ["random_score", "random_scores"]

_STATES: tuple[Any, ...] = ("closed", "open", "half_open")


def random_scores(
    count: int, *, seed: int, start: float = 1_700_000_000.0, span_s: float = 60.0
) -> Iterator[Score | StateChange]:
    """`count` records spread evenly over `span_s` seconds from `start` (epoch seconds)."""
    rng = random.Random(seed)
    for i in range(count):
        yield random_score(rng, f"{seed:x}-{i:x}", start + span_s * i / count)


def random_score(rng: random.Random, record_id: str, ts: float) -> Score | StateChange:
    service = f"service-{rng.randrange(3)}"
    labels = {"model": f"model-{rng.randrange(4)}", "provider": rng.choice(("openai", "azure", "")), "team": "ignored"}
    labels = {name: value for name, value in labels.items() if rng.random() < 0.8}
    if rng.random() < 0.1:
        before, after = rng.sample(_STATES, 2)
        return StateChange(
            event_id=record_id, ts=ts, service=service, breaker=rng.choice(("openai", "azure")), labels=labels,
            from_state=before, to_state=after,
        )  # fmt: skip
    name, value = rng.choice(
        (
            ("helpfulness", rng.random()),
            ("thumbs", rng.choice((-1.0, 0.0, 1.0))),
            ("revenue", rng.gauss(0, 30_000)),
            ("refusal", round(rng.random() * 1e-5, 7)),
        )
    )
    return Score(
        score_id=record_id, ts=ts, name=name, value=value, service=service, labels=labels,
        origin=rng.choice(("heuristic", "judge", "user", "business", "other")),
        event_id=rng.choice(("", f"call-{rng.randrange(50)}")),
    )  # fmt: skip
