"""Which pinned baseline a series is compared with, and from when on."""

from __future__ import annotations

from typing import Any

from callgauge.codec import decode_rules_record, encode
from callgauge.schema import Baseline, CountedShare
from callgauge_detectors.counts import ZERO
from callgauge_rules.aggregates import aggregate
from callgauge_rules.baselines import LEAST_AHEAD_MS, Baselines, asks_for_baselines, share_in
from callgauge_rules.placing import place
from callgauge_rules.rule_sets import RuleBook
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

AT_MS = 1_700_000_000_000


def baseline(refused: int = 2, **fields: Any) -> Baseline:
    shares = {"refusal": CountedShare(n=100, above_zero=refused), "odd": CountedShare(n=0, above_zero=0)}
    known: dict[str, Any] = {"service": "chat", "model": "m", "since": 1.0, "until": 2.0, "shares": shares, "calls": 9}
    return Baseline(**known | {"tokens": {"zero": 1, "-3": 2, "40": 6, "x": 5}, "mean_tokens": 20.0} | fields)


def book_of(*taken: tuple[int, Baseline]) -> Baselines:
    """Of (when it was appended, baseline)."""
    book = RuleBook(load_rules(None), parse_groupings("model@10s"))
    for offset, (appended_ms, each) in enumerate(taken):
        assert book.take(offset, appended_ms, encode(each)) is None
    assert book.version == 0  # no rule has changed
    return book.baselines


def refused(found: Any) -> tuple[int, int] | None:
    return share_in(found, aggregate("score.refusal.rate_above_0")) if found else None


def test_it_is_in_force_a_while_after_it_was_written() -> None:
    """Or later, where it says so; never before."""
    labels = {"service": "chat", "model": "m", "prompt_version": "v1"}
    late = AT_MS + 60_000
    baselines = book_of(
        (AT_MS, baseline(1)),
        (AT_MS, baseline(2, effective_from=late / 1000)),
        (AT_MS + 1, baseline(3, effective_from=5.0)),
    )  # fmt: skip
    assert baselines.of(labels, AT_MS + LEAST_AHEAD_MS - 1) is None
    assert refused(baselines.of(labels, AT_MS + LEAST_AHEAD_MS)) == (1, 100)
    assert refused(baselines.of(labels, AT_MS + 1 + LEAST_AHEAD_MS)) == (3, 100)
    assert refused(baselines.of(labels, late)) == (2, 100)


def test_a_series_has_that_of_its_kind() -> None:
    """A prompt version without one that of its model; features and other services none."""
    baselines = book_of((0, baseline(1)), (0, baseline(2, prompt_version="v2")), (0, baseline(3, model="")))

    def of(**labels: str) -> tuple[int, int] | None:
        return refused(baselines.of({"service": "chat", **labels}, AT_MS))

    assert of(model="m", prompt_version="v2") == (2, 100)
    assert of(model="m", prompt_version="v3") == of(model="m", prompt_version="") == of(model="m") == (1, 100)
    assert of() == (3, 100)
    assert of(model="other") is None
    assert of(model="m", feature="f") is None
    assert baselines.of({"model": "m"}, AT_MS) is None
    assert baselines.of({"service": "search", "model": "m"}, AT_MS) is None


def test_what_a_baseline_says_of_a_share() -> None:
    """Of the heuristics' scores above 0; of nothing else."""
    pinned = book_of((0, baseline(1))).of({"service": "chat", "model": "m"}, AT_MS)
    assert pinned is not None
    assert pinned.tokens == {ZERO: 1, -3: 2, 40: 6}
    assert share_in(pinned, aggregate("score.refusal{origin=heuristic}.rate_above_0")) == (1, 100)
    for other in ("score.refusal{origin=judge}.rate_above_0", "score.refusal.rate_above_1", "score.odd.rate_above_0",
                  "score.refusal.mean", "error_rate"):  # fmt: skip
        assert share_in(pinned, aggregate(other)) is None


def test_baselines_of_before_are_read() -> None:
    """Those that do not say from when on they are in force."""
    record = decode_rules_record(b'{"kind": "baseline", "service": "s", "since": 1, "until": 2}')
    assert record.effective_from == 0.0


def test_which_rules_compare_with_baselines() -> None:
    """Of the default rules those on refusals, markers and lengths by service, model and prompt version."""
    groupings = parse_groupings("@10s model@10s service@10s service,model,prompt_version@60s")
    bound = [each.bound for each in place(load_rules(None), groupings) if each.bound]
    asks = [b.rule.name for b in bound if any(asks_for_baselines(each, b.grouping.labels) for each in b.conditions)]
    assert sorted(asks) == ["hallucination_markers_change", "length_change_since_pinned", "refusals_change"]
    [length] = [b for b in bound if b.rule.name == "length_change_since_pinned"]
    assert not asks_for_baselines(length.main, ["service", "model", "feature"])
    assert not asks_for_baselines(length.main, ["model"])
