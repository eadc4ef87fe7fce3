"""What the fields of a rule must be to each other: checks that no single field can make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from callgauge.durations import written
from callgauge_rules.aggregates import aggregate
from callgauge_rules.detectors import THRESHOLD, DetectorKind, detector
from callgauge_rules.formulas import Quotient
from callgauge_rules.rule import LIMITS, Judged, Rule

__all__ = ["missing_fields", "problems"]

Place = tuple[str | int, ...]
_OWN = ("aggregate", "lookback", "every", "detector", "parameters", "level", "op", "value", "min_count", *LIMITS)


def missing_fields(entry: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """The fields that an entry of a file lacks, and of what: a rule, or a condition."""
    if "conditions" not in entry:
        for name in _needed(entry, several=True):
            yield (name,), f"{name} is missing; a rule has name, aggregate, lookback and value"
        return
    conditions = entry["conditions"] if isinstance(entry["conditions"], list) else []
    for at, condition in enumerate(conditions):
        if isinstance(condition, dict):
            for name in _needed(condition, several=False):
                yield ("conditions", at, name), f"{name} is missing; a condition has aggregate, lookback and value"


def _needed(entry: Mapping[str, Any], *, several: bool) -> Iterator[str]:
    yield from (name for name in ("aggregate", "lookback") if name not in entry)
    limits = ("value", *(LIMITS if several else ()))
    if entry.get("detector", THRESHOLD) == THRESHOLD and not any(name in entry for name in limits):
        yield "value"


def problems(rule: Rule) -> Iterator[tuple[Place, str]]:
    """What does not fit together: the field, and a sentence about it."""
    if "conditions" in rule.model_fields_set and not rule.conditions:
        yield ("conditions",), "there is none; list them, or leave it out and write aggregate, lookback and value"
        return
    if rule.conditions:
        yield from _of_composite(rule)
        for at, condition in enumerate(rule.conditions):
            yield from ((("conditions", at, *place), what) for place, what in _of_judged(condition))
        return
    if "needs" in rule.model_fields_set:
        yield ("needs",), "is for rules with conditions; write conditions:, or leave it out"
    yield from _of_judged(rule)
    yield from _of_limits(rule)
    if rule.severities and rule.level:
        yield ("level",), "is said by severities already; leave one of them out"


def _of_composite(rule: Rule) -> Iterator[tuple[Place, str]]:
    for name in (name for name in (*_OWN, "severities") if name in rule.model_fields_set):
        yield (name,), "belongs to one of the conditions, since the rule has several"
    if isinstance(rule.needs, int) and rule.needs > len(rule.conditions):
        yield ("needs",), f"{rule.needs} conditions cannot hold: there are {len(rule.conditions)}"


def _of_judged(judged: Judged) -> Iterator[tuple[Place, str]]:
    kind, given = detector(judged.detector), judged.model_fields_set
    every_ms = judged.every or judged.lookback
    if judged.lookback % every_ms:
        yield ("every",), f"must divide the lookback of {written(judged.lookback)}"
    if kind.name == THRESHOLD:
        if "level" in given or ("severities" in given):
            name = "level" if "level" in given else "severities"
            yield (name,), "is for detectors with levels; a threshold has value:, or warning: and critical:"
        return
    for name in ("op", "value", *LIMITS):
        if name in given:
            yield (name,), f"is for thresholds; what {kind.name} takes stands in parameters"
    if kind.adds and every_ms != judged.lookback and not _is_gauge(kind, judged):
        yield ("every",), f"must be the lookback: {kind.name} adds up, and would count calls several times"
    yield from _of_feed(kind, judged)


def _is_gauge(kind: DetectorKind, judged: Judged) -> bool:
    return kind.name == "exhaustion" and judged.parameters.get("gauge") == "true"


def _of_feed(kind: DetectorKind, judged: Judged) -> Iterator[tuple[Place, str]]:
    of = aggregate(judged.aggregate)
    if kind.feeds == "share" and not (
        isinstance(of.formula, Quotient) and of.unit == "%" and of.formula.per == of.events
    ):
        yield ("aggregate",), f"{kind.name} compares shares of calls, such as error_rate; {of.name} is none"
    if kind.feeds in ("histogram", "call") and (not of.measure or of.of_scores):
        yield (
            ("aggregate",),
            f"{kind.name} compares single calls; name an aggregate of latency, ttft, cost or output tokens, such as "
            f"latency_p95_ms; {of.name} is none",
        )


def _of_limits(rule: Rule) -> Iterator[tuple[Place, str]]:
    limits = rule.limits
    if limits and rule.value is not None:
        others = f"{', '.join(limits)} {'are others' if len(limits) > 1 else 'is another'}"
        yield ("value",), f"is one limit, and {others}; write value, or one for each severity"
    if limits and "severity" in rule.model_fields_set:
        yield ("severity",), f"is said by {', '.join(limits)} already; leave it out"
    if len(limits) > 1 and rule.op in ("eq", "ne"):
        yield ("op",), f"{rule.op} can have one limit only"
    for (mild, low), (worse, high) in pairwise(limits.items()):
        if (high <= low and rule.op in ("gt", "ge")) or (high >= low and rule.op in ("lt", "le")):
            yield (worse,), f"{high:g} is no further than {mild}, {low:g}; {worse} would hold first"
