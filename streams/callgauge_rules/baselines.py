"""Which pinned baseline a series is compared with, and when: a pure function of the rules topic.

    pinned         A (chat, gpt-4o) at 11:00            B (chat, gpt-4o, v2) at 11:30
    chat, gpt-4o, v1     ... 11:00:10 A ------------------------------------------------
    chat, gpt-4o, v2     ... 11:00:10 A ----------------------- 11:30:10 B -------------

A baseline is in force for windows that end at its `effective_from` or later, and no sooner than `LEAST_AHEAD_MS` after
it was appended: then every reader knows it before it judges the first window that it is about, as rule sets are known
(callgauge_rules.rule_sets). The newest of a kind counts.

A series is compared with the baseline of its service, model and prompt version; a prompt version that has none with
that of its service and model, so that a new prompt is compared with what was. Series that tell more apart (features,
providers), or no service, are not what a baseline is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callgauge.schema import Baseline
from callgauge_detectors.counts import ZERO
from callgauge_rules.aggregates import Aggregate
from callgauge_rules.score_aggregates import origin_of_measure

if TYPE_CHECKING:
    from callgauge_rules.bound import BoundCondition

__all__ = ["LEAST_AHEAD_MS", "TOKENS_SCALE", "Baselines", "Pinned", "asks_for_baselines", "counts_of", "share_in"]

#: What is written to the rules topic comes into force no sooner than this after it was appended.
LEAST_AHEAD_MS = 10_000
#: Scale of the buckets of `Baseline.tokens`, as OpenTelemetry has it.
TOKENS_SCALE = 3
_LABELS = ("service", "model", "prompt_version")
_RATE = ".rate_above_0"


@dataclass(frozen=True)
class Pinned:
    """A baseline in force.

    Attributes:
        number: tells it from all others of its topic; not 0.
        from_ms: windows that end then or later are compared with it.
        tokens: output tokens of answered calls, in the buckets of a detector.
    """

    number: int
    from_ms: int
    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    tokens: Mapping[int, int] = field(default_factory=dict)
    mean_tokens: float = 0.0


class Baselines:
    """Takes the baselines of the rules topic, in their order."""

    def __init__(self) -> None:
        self._by_kind: dict[tuple[str, ...], list[Pinned]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_kind)

    def take(self, offset: int, appended_ms: int, record: Any) -> None:
        """Take a record of the rules topic.

        Args:
            record: a baseline, decoded.
        """
        from_ms = max(round(record.effective_from * 1000), appended_ms + LEAST_AHEAD_MS)
        kept = self._by_kind.setdefault(tuple(getattr(record, label) for label in _LABELS), [])
        kept.append(
            Pinned(
                number=offset + 1,
                from_ms=from_ms,
                shares={name: (share.above_zero, share.n) for name, share in record.shares.items() if share.n},
                tokens=counts_of(record),
                mean_tokens=record.mean_tokens,
            )
        )
        kept.sort(key=lambda each: (each.from_ms, each.number))

    def of(self, labels: Mapping[str, str], at_ms: int) -> Pinned | None:
        """What the window of a series that ends at `at_ms` is compared with."""
        if not labels.get("service") or any(label not in _LABELS for label in labels):
            return None
        kind = tuple(labels.get(label, "") for label in _LABELS)
        return self._newest(kind, at_ms) or self._newest((*kind[:2], ""), at_ms)

    def _newest(self, kind: tuple[str, ...], at_ms: int) -> Pinned | None:
        return next((each for each in reversed(self._by_kind.get(kind, ())) if each.from_ms <= at_ms), None)


def counts_of(baseline: Baseline) -> dict[int, int]:
    """The output tokens of a baseline as a detector counts them; what is no bucket is left out."""
    found = {}
    for key, count in baseline.tokens.items():
        if key == "zero":
            found[ZERO] = count
        elif key.removeprefix("-").isdecimal() and len(key) < 8:
            found[int(key)] = count
    return found


def share_in(pinned: Pinned, aggregate: Aggregate) -> tuple[int, int] | None:
    """What a baseline says of a share that rules judge: how many of how many; None: nothing.

    >>> from callgauge_rules.aggregates import aggregate
    >>> share_in(Pinned(1, 0, {"refusal": (3, 100)}), aggregate("score.refusal.rate_above_0"))
    (3, 100)
    """
    if not aggregate.of_scores or not aggregate.name.endswith(_RATE):
        return None
    name, origin = origin_of_measure(aggregate.measure)
    return pinned.shares.get(name) if origin in (None, "heuristic") else None


def asks_for_baselines(condition: BoundCondition, labels: Iterable[str]) -> bool:
    """Whether a condition of a rule by these labels compares with a baseline, where one is pinned."""
    named = set(labels)
    if "service" not in named or not named <= set(_LABELS):
        return False
    if condition.kind.name == "anytime_rate":
        return condition.aggregate.of_scores and condition.aggregate.name.endswith(_RATE)
    return condition.kind.name == "drift_distribution" and condition.aggregate.measure == "output_tokens"
