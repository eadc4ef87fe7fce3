"""Which rules judge a window follows from the rules topic alone."""

from __future__ import annotations

import random

import pytest

from callgauge.codec import encode
from callgauge.errors import RuleError
from callgauge.schema import Mark, RuleSet
from callgauge_rules.in_force import in_force
from callgauge_rules.rule_sets import LEAST_AHEAD_MS, RuleBook
from callgauge_rules.rules import rules_in
from callgauge_windows.grouping import parse_groupings

GROUPINGS = parse_groupings("model@10s")


def rules(*names: str, value: int = 5) -> str:
    listed = [f"  - {{name: {name}, by: [model], aggregate: calls, lookback: 1m, value: {value}}}" for name in names]
    return "\n".join(["rules:", *listed, ""])


def book(*names: str) -> RuleBook:
    return RuleBook(rules_in("first.yaml", rules(*names).encode()), GROUPINGS)


def rule_set(version: str, effective_from: float, text: str) -> bytes:
    return encode(RuleSet(version=version, effective_from=effective_from, text=text, file="new.yaml", author="ada"))


def versions(known: RuleBook, *times_s: int) -> list[str]:
    return [known.at(at_s * 1000).version for at_s in times_s]


def test_before_any_set_the_first_rules_judge() -> None:
    known = book("a", "b")
    assert [rule.name for rule in known.at(0).rules] == ["a", "b"]
    assert known.since(0) == known.since(-5) == known.all()


def test_a_set_judges_from_its_time_on() -> None:
    """written 100 s, from 130 s:    first ... 129 | A 130 ..."""
    known = book("a")
    assert known.take(0, 100_000, rule_set("A", 130.0, rules("b"))) is None
    assert versions(known, 129, 130, 131) == ["", "A", "A"]
    assert known.at(130_000).author == "ada"


def test_no_set_comes_into_force_before_every_reader_knows_it() -> None:
    known = book("a")
    known.take(0, 100_000, rule_set("A", 1.0, rules("b")))
    assert known.at(100_000).version == ""
    assert known.at(100_000 + LEAST_AHEAD_MS).version == "A"


def test_of_two_sets_with_one_time_the_later_one_counts() -> None:
    known = book("a")
    known.take(0, 100_000, rule_set("A", 200.0, rules("b")))
    known.take(1, 101_000, rule_set("B", 200.0, rules("c")))
    assert versions(known, 199, 200) == ["", "B"]
    assert [each.version for each in known.since(0)] == ["", "B"]


def test_a_set_that_comes_sooner_than_one_written_before_gives_way_to_it() -> None:
    known = book("a")
    known.take(0, 100_000, rule_set("later", 300.0, rules("b")))
    known.take(1, 101_000, rule_set("sooner", 200.0, rules("c")))
    assert versions(known, 199, 200, 299, 300) == ["", "sooner", "sooner", "later"]
    assert [each.version for each in known.since(200_000)] == ["sooner", "later"]


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (rule_set("A", 200.0, rules("b").replace("calls", "cals")), "text", "new.yaml, line 2: b: aggregate"),
        (rule_set("A", 200.0, rules("b").replace("1m", "15s")), "text", "must be a multiple of the window"),
        (rule_set("A", 200.0, "rules: ["), "text", "no YAML"),
        (b'{"kind": "rules", "version": "A", "text": "x"}', "", "effective_from"),
        (b"\x00", "", "not JSON"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_and_the_one_before_stays(value: bytes, field: str, reason: str) -> None:
    known = book("a")
    refused = known.take(7, 100_000, value)
    assert refused is not None
    assert (refused.offset, refused.field) == (7, field)
    assert reason in refused.reason
    assert versions(known, 1_000) == [""]
    assert known.version == 0


def test_marks_and_removed_records_change_nothing() -> None:
    known = book("a")
    mark = Mark(mark_id="m", effective_from=1.0, text="a deploy")
    assert known.take(0, 100_000, encode(mark)) is None
    assert known.take(1, 100_000, None) is None
    assert known.version == 0


def test_the_order_of_versions_does_not_matter_to_what_is_in_force() -> None:
    """A topic that was compacted, and read again from its beginning, says the same."""
    rng = random.Random(3)
    for _ in range(50):
        written = [(at, 100_000 + at, f"v{at}", float(rng.randrange(90, 200))) for at in range(6)]
        whole, compacted = book("a"), book("a")
        for offset, written_ms, version, from_s in written:
            whole.take(offset, written_ms, rule_set(version if offset != 2 else "v4", from_s, rules("b")))
        for offset, written_ms, version, from_s in written:
            if offset != 2:
                compacted.take(offset, written_ms, rule_set(version, from_s, rules("b")))
        times = range(0, 300, 7)
        assert versions(whole, *times) == versions(compacted, *times)


def test_first_rules_that_do_not_fit_the_grouping_sets_are_refused() -> None:
    with pytest.raises(RuleError, match="multiple of the window"):
        RuleBook(rules_in("f", rules("a").replace("1m", "15s").encode()), GROUPINGS)


def test_rules_that_stay_go_on_and_others_end_where_the_next_set_begins() -> None:
    known = book("same", "changed", "gone")
    text = rules("same") + rules("changed", value=6).removeprefix("rules:\n") + rules("new").removeprefix("rules:\n")
    known.take(0, 100_000, rule_set("A", 200.0, text))
    found = [(each.name, each.from_ms, each.to_ms) for each in in_force(known.since(0))]
    assert found == [
        ("same", 0, None), ("changed", 0, 200_000), ("gone", 0, 200_000), ("changed", 200_000, None),
        ("new", 200_000, None),
    ]  # fmt: skip


def test_a_rule_that_is_gone_and_comes_back_begins_anew() -> None:
    known = book("a")
    known.take(0, 100_000, rule_set("A", 200.0, rules("b")))
    known.take(1, 100_000, rule_set("B", 300.0, rules("a")))
    found = [(each.name, each.from_ms, each.to_ms) for each in in_force(known.since(0))]
    assert found == [("a", 0, 200_000), ("b", 200_000, 300_000), ("a", 300_000, None)]
    assert [each.name for each in in_force(known.since(250_000))] == ["b", "a"]
