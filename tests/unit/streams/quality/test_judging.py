"""What a judge is asked, how its answer is read, which answers it sees, and what it may cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.content.choice import parse_choice
from callgauge.settings import load_settings
from callgauge.topics import Topics
from callgauge_quality.conversation import judged_of
from callgauge_quality.judge_budget import Budget
from callgauge_quality.judge_cache import JudgeCache
from callgauge_quality.judge_sample import JudgeSample, SampleConfig
from callgauge_quality.judgement import Judged, Unparsable, content_hash, read_judgement, request_body
from callgauge_quality.names import JUDGED
from callgauge_quality.rubric import RubricError, load_rubric, parse_rubric
from callgauge_quality.truths import Truth, TruthError, asked_key, expected_answers, matches, parse_truths
from callgauge_quality.where_texts_go import where_texts_go
from callgauge_streams.judge.app import share_held

RUBRIC = load_rubric("answer-1")
GOOD = {"faithfulness": 4, "relevance": 5, "completeness": 3, "hallucination": 0, "toxicity": 0}


def test_the_shipped_rubric_asks_for_the_scores_of_the_table() -> None:
    """Each on its scale; factual accuracy only where the expected answer is known."""
    scales = {c.name: (c.least, c.most) for c in RUBRIC.asked(expected=True)}
    assert scales == {each.name: (each.least, each.most) for each in JUDGED}
    assert {c.name for c in RUBRIC.asked(expected=False)} == scales.keys() - {"factual_accuracy"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: a\nscores: {}\nsystem: s", "scores"),
        ("version: ''\nscores: {a: {scale: [1, 5], asks: x}}\nsystem: s", "version"),
        ("version: a\nscores: {a: {scale: [5, 1], asks: x}}\nsystem: s", "scores.a: a scale"),
        ("version: a\nscores: {a: {scale: [1, 5], asks: x, needs: truth}}\nsystem: s", "scores.a"),
        ("version: a\nscore: 1", "version|scores|score"),
        ("version: [", "flow"),
    ],
)
def test_a_wrong_rubric_is_refused_in_a_line(text: str, says: str) -> None:
    """Saying where."""
    with pytest.raises(RubricError, match=says) as error:
        parse_rubric(text)
    assert "\n" not in str(error.value)


def test_a_rubric_that_is_not_there_is_refused() -> None:
    """By name or path; no name leaves the folder."""
    for name in ("answer-99", "nowhere.yaml", "../rubric"):
        with pytest.raises(RubricError):
            load_rubric(name)


def test_a_scale_of_ten_is_one() -> None:
    """1 to 10 where a rubric says so."""
    ten = parse_rubric("version: t\nscores: {depth: {scale: [1, 10], asks: How deep it is}}\nsystem: Grade.")
    assert read_judgement('{"depth": 10}', ten) == {"depth": 10.0}
    body = request_body(ten, Judged("q", "q", "a"), "m")
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["depth"]["enum"] == list(range(1, 11))


def test_the_request_holds_the_texts_apart_from_the_rubric() -> None:
    """The source where there is one, the expected answer where it is known; JSON is asked for in the chosen way."""
    body = request_body(RUBRIC, Judged("Who?", "Anna did.", "Anna."), "judge-1")
    system, user = (message["content"] for message in body["messages"])
    assert user == "<question>\nWho?\n</question>\n<source>\nAnna did.\n</source>\n<answer>\nAnna.\n</answer>"
    assert "factual_accuracy" not in system
    assert body["response_format"]["json_schema"]["strict"] is True
    plain = request_body(RUBRIC, Judged("Who?", "Who?", "Anna.", "Anna"), "judge-1", "none")
    assert "response_format" not in plain
    assert "<source>" not in plain["messages"][1]["content"]
    assert "<expected>\nAnna\n</expected>" in plain["messages"][1]["content"]
    assert "factual_accuracy" in plain["messages"][0]["content"]
    assert request_body(RUBRIC, Judged("", "", ""), "m", "json_object")["response_format"] == {"type": "json_object"}


def test_a_judgement_is_read() -> None:
    """Bare, or in a block of code; in the order of the rubric."""
    assert read_judgement(json.dumps(GOOD), RUBRIC) == GOOD
    assert read_judgement(f"```json\n{json.dumps(GOOD)}\n```", RUBRIC) == GOOD
    assert read_judgement(json.dumps(GOOD | {"factual_accuracy": 2}), RUBRIC, expected=True)["factual_accuracy"] == 2.0


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I would say 4.",
        f"Here you are: {json.dumps(GOOD)}",
        json.dumps([GOOD]),
        json.dumps({"faithfulness": 4}),
        json.dumps(GOOD | {"tone": 3}),
        json.dumps(GOOD | {"relevance": 6}),
        json.dumps(GOOD | {"relevance": 0}),
        json.dumps(GOOD | {"relevance": 4.5}),
        json.dumps(GOOD | {"relevance": "4"}),
        json.dumps(GOOD | {"hallucination": True}),
        json.dumps(GOOD | {"relevance": None}),
        "[" * 100_000,
    ],
)
def test_anything_else_is_unparsable(answer: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Unparsable):
        read_judgement(answer, RUBRIC)


def test_a_hash_tells_what_was_judged() -> None:
    """Another text, model or rubric is another; texts do not run into each other."""
    one = content_hash(RUBRIC, "m", Judged("ab", "c", "d"))
    assert one == content_hash(RUBRIC, "m", Judged("ab", "c", "d"))
    assert one != content_hash(RUBRIC, "m", Judged("a", "bc", "d"))
    assert one != content_hash(RUBRIC, "m2", Judged("ab", "c", "d"))


def sample(**config: Any) -> JudgeSample:
    given: dict[str, Any] = {"share": parse_choice("0.05"), "new_count": 0, "per_minute": 0}
    return JudgeSample(SampleConfig(**given | config))


def shares(chosen: JudgeSample, count: int, version: str = "", service: str = "chat") -> list[float]:
    return [chosen.share(service, version, f"trace {n}", 0) for n in range(count)]


def test_a_sample_is_the_same_in_every_process() -> None:
    """By the hash of the trace; about the share that was asked for, and not that by which contents are sampled."""
    found = shares(sample(), 20_000)
    assert found == shares(sample(), 20_000)
    assert set(found) == {0.0, 0.05}
    assert 0.04 < sum(map(bool, found)) / 20_000 < 0.06


@settings(max_examples=20)
@given(st.floats(0.01, 0.99))
def test_a_larger_share_holds_the_smaller(share: float) -> None:
    """What was judged is still judged when the share is raised."""
    less = shares(sample(share=parse_choice("0.01")), 300)
    more = shares(sample(share=parse_choice(f"{share:.6f}")), 300)
    assert all(b for a, b in zip(less, more, strict=True) if a)


def test_a_new_prompt_version_is_judged_more() -> None:
    """Its first answers; no version is not a new one, and a service that is off stays off."""
    chosen = sample(new_share=0.5, new_count=1_000, share=parse_choice("0.05,quiet=off"))
    first, later = shares(chosen, 1_000, "v2"), shares(chosen, 1_000, "v2")
    assert set(first) == {0.0, 0.5}
    assert set(later) == {0.0, 0.05}
    assert set(shares(chosen, 500)) == {0.0, 0.05}
    assert not any(shares(chosen, 500, "v9", "quiet"))


def test_a_service_has_a_limit_of_its_own() -> None:
    """A minute; what is left out is counted, and the next minute begins anew."""
    chosen = sample(share=parse_choice("all"), per_minute=10)
    assert sum(map(bool, shares(chosen, 50))) == 10
    assert sum(map(bool, shares(chosen, 5, service="other"))) == 5
    assert chosen.limited == 40
    assert chosen.share("chat", "", "t", 60_000) == 1.0


def test_workers_share_a_budget_by_their_partitions() -> None:
    """Together they spend no more than the day's, whoever holds what; other topics' partitions count for nothing."""
    topic = Topics(partitions=4).content
    held = [[(topic.name, 0), ("other", 0)], [(topic.name, 1), (topic.name, 2), (topic.name, 3)]]
    parts = [share_held([TopicPartition(*each) for each in of], topic) for of in held]
    assert parts == [0.25, 0.75]
    spent = 0
    for part in parts:
        budget = Budget(1.0, part=part)
        while budget.begin(0.0):
            budget.end(0.0625)
            spent += 1
    assert spent * 0.0625 == 1.0
    assert Budget(1.0, part=0.25).spent_text == "25 % of the day's budget of 1 USD is spent"
    assert share_held([TopicPartition(topic.name, 0)] * 9, topic) == 1.0


def test_a_budget_ends_the_day() -> None:
    """What is under way counts with the last price; the next day begins anew; 0 allows nothing."""
    budget = Budget(1.0)
    assert budget.begin(0.0)
    budget.end(0.4)
    assert budget.begin(1.0)
    assert not budget.begin(1.0), "two more would overrun it"
    budget.end(0.4)
    assert not budget.begin(2.0)
    assert budget.begin(86_400.0)
    budget.end(0.0)
    assert budget.spent_usd == 0.0
    assert not Budget(0.0).begin(0.0)


def test_the_cache_forgets_what_was_not_asked_for() -> None:
    """It never holds more than it may."""
    cache = JudgeCache(2)
    cache.put(b"a", {"x": 1.0})
    cache.put(b"b", {"x": 2.0})
    assert cache.get(b"a") == {"x": 1.0}
    cache.put(b"c", {"x": 3.0})
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == ({"x": 1.0}, None, {"x": 3.0})
    nothing = JudgeCache(0)
    nothing.put(b"a", {})
    assert nothing.get(b"a") is None


@pytest.mark.parametrize(
    ("match", "expected", "answer", "same"),
    [
        ("exact", "Bern", " bern\n", True),
        ("exact", "Bern", "It is Bern", False),
        ("contains", "Bern", "It is BERN.", True),
        ("contains", "Bern", "It is Basel.", False),
        ("regex", r"\b(4|four)\b", "There are four.", True),
        ("regex", r"\b(4|four)\b", "There are 40.", False),
        ("number", "1234.5", "2 + 2 makes 1,234.50", True),
        ("number", "12", "about twelve", False),
        ("json", '{"a": [1, 2]}', '```json\n{"a":[1,2]}\n```', True),
        ("json", '{"a": 1}', '{"a": 1', False),
        ("judge", "Bern", "Bern", None),
    ],
)
def test_an_answer_matches_or_not(match: Any, expected: str, answer: str, same: bool | None) -> None:
    """In the way that the question names."""
    assert matches(Truth("q", expected, match), answer) is same


def test_a_file_of_truths_is_read() -> None:
    """Comments and empty lines are passed over; ids are the numbers of lines unless given."""
    lines = [
        "# canaries",
        "",
        '{"prompt": "Capital?", "expected": "Bern"}',
        '{"prompt": "b", "expected": "c", "id": "x"}',
    ]
    assert [truth.id for truth in parse_truths(lines)] == ["3", "x"]
    assert expected_answers(parse_truths(lines))[asked_key(" capital? ")] == "Bern"


def test_a_known_question_is_judged_by_its_answer() -> None:
    """As the last message of a conversation too; others have no expected answer."""
    truths = expected_answers(parse_truths(['{"prompt": "Capital?", "expected": "Bern"}']))
    prompt = json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "capital?"}])
    assert judged_of(prompt, "It is Bern.", truths) == Judged("capital?", "Be brief.", "It is Bern.", "Bern")
    assert judged_of("Why?", "So.", truths) == Judged("Why?", "Why?", "So.")
    assert judged_of("Capital?", "Bern", {}).expected == ""


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "no questions"),
        (["{"], "line 1"),
        (['{"prompt": "a"}'], "line 1: .*expected"),
        (['{"prompt": "a", "expected": ""}'], "line 1: .*empty"),
        (['{"prompt": "a", "expected": "(", "match": "regex"}'], "line 1"),
        (['{"prompt": "a", "expected": "b", "mach": "exact"}'], "line 1: .*mach"),
    ],
)
def test_a_wrong_file_of_truths_is_refused(lines: list[str], says: str) -> None:
    """Saying which line."""
    with pytest.raises(TruthError, match=says):
        parse_truths(lines)


def test_it_says_where_texts_go() -> None:
    """Which services, to which host and model, within which budget; never the key."""
    said = where_texts_go(
        load_settings(
            judge_url="https://api.example.com/v1", judge_model="m-1", judge_key="sk-secret", judge_share="off,chat=0.1"
        )
    )
    for part in ("0.1 of 'chat'", "0 of the contents of all other services", "api.example.com", "m-1", "5 USD a day"):
        assert part in said
    assert "sk-secret" not in said
