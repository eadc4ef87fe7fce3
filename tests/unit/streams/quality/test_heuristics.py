"""Each heuristic on answers whose score is known, and all of them together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_quality.answer_format import format_valid
from callgauge_quality.coherence import coherence
from callgauge_quality.completeness import answer_completeness, parts_asked
from callgauge_quality.conversation import Conversation, answer_text
from callgauge_quality.cut_off import is_cut_by_reason, is_cut_off
from callgauge_quality.grounding import facts, ungrounded
from callgauge_quality.hallucination_markers import hallucination_markers
from callgauge_quality.hedging import hedging
from callgauge_quality.heuristics import MOST_CHARS, Expected, Heuristics
from callgauge_quality.language import language_of
from callgauge_quality.lexicon import Lexicon
from callgauge_quality.names import BY_CALL, BY_TEXT
from callgauge_quality.overall import DEFAULT_WEIGHTS, overall, parse_weights
from callgauge_quality.relevance import lexical_relevance
from callgauge_quality.repetition import repetition
from callgauge_quality.safety import unsafe_terms
from callgauge_quality.sentiment import sentiment
from callgauge_quality.text import Text
from callgauge_quality.without_text import scores_without_text

RANGES = {each.name: each for each in (*BY_TEXT, *BY_CALL)}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The service has been down since this morning and nobody can reach it."),
        ("de", "Der Dienst ist seit heute morgen nicht mehr zu erreichen, und das ist nicht gut."),
        ("fr", "Le service est en panne depuis ce matin et personne ne peut le joindre."),
        ("es", "El servicio no funciona desde esta mañana y nadie lo puede usar en la oficina."),
        ("it", "Il servizio non funziona da questa mattina e nessuno lo può usare con il computer."),
        ("pt", "O serviço não funciona desde esta manhã e os clientes já não conseguem usar a conta."),
        ("nl", "De dienst is sinds vanochtend niet meer te bereiken en dat is voor ons een probleem."),
        ("ja", "サービスは今朝から利用できません。"),
        ("zh", "服务从今天早上起无法使用。"),
        ("ko", "서비스는 오늘 아침부터 사용할 수 없습니다."),
        ("ru", "Сервис недоступен с сегодняшнего утра."),
        ("", "kubectl get pods -n prod"),
        ("", "42"),
    ],
)
def test_a_language_is_told(language: str, text: str) -> None:
    """By script, or by its commonest words; a command has none."""
    assert language_of(Text(text)) == language


def test_a_lexicon_counts_phrases() -> None:
    """Whole words only, over line breaks and punctuation, each time."""
    lexicon = Lexicon(["may be", "likely"])
    assert lexicon.count(Text("It may\nbe so; it MAY be. Unlikely, likely!")) == 3
    assert lexicon.found(Text("it may be")) == ["may be"]
    assert lexicon.count(Text("")) == 0


def test_hedges_and_markers() -> None:
    """Hedges per 100 words; markers as a count."""
    assert hedging(Text("It is probably in the north, perhaps in the east.")) == pytest.approx(20.0)
    assert hedging(Text("")) == 0.0
    assert hallucination_markers(Text("Studies show that experts agree.")) == 2.0
    assert hallucination_markers(Text("Bern is the capital.")) == 0.0


def test_what_the_source_does_not_hold_is_ungrounded() -> None:
    """Names and numbers; a thousands separator, a possessive or the word that begins a sentence make no difference."""
    source = Text(
        "In 2023 Anna Meyer sold 1,200 pumps to the town of Thun for her company, which Karl Roth had founded. " * 2
    )
    assert ungrounded(source, Text("She sold 1200 pumps to Thun. Anna's company made it.")) == 0.0
    assert ungrounded(source, Text("It was sold by Peter Muller in 2019 to Thun.")) == pytest.approx(3 / 4)
    assert ungrounded(source, Text("yes it was.")) is None
    assert ungrounded(Text("too short"), Text("It was Peter Muller.")) is None
    assert facts("Then I saw 3 of 17 in Rome.") == {"17", "rome"}


def test_relevance_is_the_share_of_the_question_taken_up() -> None:
    """By stems; a question of common words has none."""
    question = Text("How do I configure retries in the payment service?")
    assert lexical_relevance(question, Text("Retries of the payment services are configured in YAML.")) == 1.0
    assert lexical_relevance(question, Text("Cats sleep all day.")) == 0.0
    assert lexical_relevance(Text("What is it?"), Text("A cat.")) is None


def test_coherence_needs_something_in_common() -> None:
    """A shared word, a connective or an item of a list joins; too few sentences have no score."""
    assert coherence(Text("The pump failed. The pump was old. It had no spare.")) == 1.0
    assert coherence(Text("Cats sleep all day. Inflation rose sharply. Python compiles bytecode.")) == 0.0
    assert coherence(Text("Do this:\n1. Open valves\n2. Close taps")) == 1.0
    assert coherence(Text("One. Two.")) is None


@pytest.mark.parametrize(
    ("cut", "text"),
    [
        (True, "```python\nprint('hello')"),
        (True, '{"a": [1, 2'),
        (
            True,
            "The first thing that you have to do is open the valve, and then you have to wait until the water and",
        ),
        (
            False,
            "The first thing that you have to do is open the valve and then you have to wait until the water has gone.",
        ),
        (False, "Shopping:\n" + "\n".join(f"- item number {n} of the long list of things to buy" for n in range(9))),
        (False, "Paris"),
        (False, ""),
    ],
)
def test_a_cut_answer_looks_cut(cut: bool, text: str) -> None:
    """Open code, open JSON, a sentence without its end; not lists, nor answers in a word."""
    assert is_cut_off(Text(text)) is cut


@pytest.mark.parametrize(("reason", "cut"), [("length", 1), ("MAX_TOKENS", 1), ("stop", 0), ("end_turn", 0)])
def test_the_provider_says_so(reason: str, cut: int) -> None:
    """In its own words, in any case."""
    assert is_cut_by_reason(reason) is bool(cut)
    assert scores_without_text(reason, None)["cut_off"] == cut


def test_scores_without_text_come_of_length_and_end() -> None:
    """Each where it is known; nothing else."""
    assert scores_without_text("content_filter", 12) == {"response_length": 12.0, "cut_off": 0.0, "blocked": 1.0}
    assert scores_without_text("", None) == {}
    assert set(scores_without_text("stop", 1)) == {each.name for each in BY_CALL}


def test_completeness_counts_parts() -> None:
    """As many as were asked for; an empty answer has none, a cut one is not whole."""
    asked = Text("Give me three reasons why the cache is cold.")
    assert parts_asked(asked) == 3
    assert parts_asked(Text("Who? When? Where?")) == 3
    assert parts_asked(Text("Hello")) == 1
    assert answer_completeness(asked, Text("1. It was restarted\n2. It is new\n3. It is full")) == 1.0
    assert answer_completeness(asked, Text("- It was restarted")) == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert answer_completeness(asked, Text("")) == 0.0
    assert answer_completeness(Text("Why?"), Text("```\nopen")) == 0.5


@pytest.mark.parametrize(
    ("valid", "text"),
    [
        (1.0, '{"a": 1}'),
        (1.0, '```json\n{"a": [1, 2]}\n```'),
        (0.0, '{"a": 1'),
        (0.0, "{'a': 1}x"),
        (None, "[Yes] It is prime."),
        (None, "Bern."),
    ],
)
def test_json_is_valid_or_not(valid: float | None, text: str) -> None:
    """Bare or in a block of code; what does not look like JSON has no score unless JSON is expected."""
    assert format_valid(Text(text)) == valid
    assert format_valid(Text(text), expected=True) == (valid or 0.0)


def test_a_schema_decides_too() -> None:
    """Valid JSON that it does not allow is not valid."""
    assert format_valid(Text('{"a": 1}'), check=lambda value: "b" in value) == 0.0
    assert format_valid(Text('{"b": 1}'), check=lambda value: "b" in value) == 1.0


def test_repetition_and_sentiment_and_unsafe_terms() -> None:
    """A loop is near 1; a negated word is turned round; an insult is found."""
    assert repetition(Text("one two three four five six seven eight nine ten eleven twelve")) == 0.0
    assert repetition(Text("the same words again " * 50)) > 0.95
    assert repetition(Text("too short")) == 0.0
    assert sentiment(Text("This is great, thanks!")) == 0.5
    assert sentiment(Text("This is not great.")) == pytest.approx(-1 / 3)
    assert sentiment(Text("The pump.")) == 0.0
    assert unsafe_terms(Text("You're an idiot. You are worthless!")) == 2.0
    assert unsafe_terms(Text("Idiot is a novel by Dostoevsky.")) == 0.0


@pytest.mark.parametrize(
    ("prompt", "question", "source"),
    [
        ("What is up?", "What is up?", "What is up?"),
        ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "Hi", "Be brief."),
        (
            [
                {"role": "user", "content": "A"},
                {"role": "assistant", "content": "B"},
                {"role": "user", "content": [{"type": "text", "text": "C"}]},
            ],
            "C",
            "A\nB",
        ),
        ({"system": "S", "messages": [{"role": "user", "content": "Q"}]}, "Q", "S"),
        ({"instructions": "S", "input": "Q"}, "Q", "S"),
        ([{"role": "user", "parts": [{"text": "Q"}]}], "Q", "Q"),
        ('[{"role": "user", "content": "cu', '[{"role": "user", "content": "cu', '[{"role": "user", "content": "cu'),
        ([], "[]", "[]"),
    ],
)
def test_question_and_source_of_a_prompt(prompt: Any, question: str, source: str) -> None:
    """Of a text, of messages as OpenAI, Anthropic and Google have them, and of JSON that was cut."""
    conversation = Conversation(prompt if isinstance(prompt, str) else json.dumps(prompt))
    assert (conversation.question.raw, conversation.source.raw) == (question, source)


def test_an_answer_with_tool_calls_is_its_text() -> None:
    """Other JSON is the answer itself."""
    assert answer_text('{"content":"Done.","tool_calls":[]}').raw == "Done."
    assert answer_text('{"city":"Bern"}').raw == '{"city":"Bern"}'
    assert answer_text('{"content":').raw == '{"content":'


def test_all_scores_of_an_answer() -> None:
    """Those of the table that can be told, and the overall quality from their weights."""
    found = Heuristics().scores("How do I restart the gateway in production?", "Restart the gateway with systemctl.")
    assert found.keys() <= RANGES.keys()
    assert found["refusal"] == 0.0
    assert found["lexical_relevance"] == pytest.approx(2 / 3)
    assert found["quality"] == overall(found, DEFAULT_WEIGHTS)
    assert Heuristics().scores("Hi", " \n") == {}


def test_what_a_service_expects() -> None:
    """JSON or a language; one service's expectations are not another's."""
    judge = Heuristics(expected={"extract": Expected(json=True), "": Expected(language="de")})
    english = "The gateway has to be restarted with this command and that is all."
    assert judge.scores("Extract it.", english, "extract")["format_valid"] == 0.0
    assert "format_valid" not in judge.scores("Extract it.", english, "chat")
    assert judge.scores("Extract it.", english, "chat")["language_match"] == 0.0


def test_a_truncated_answer_is_not_judged_by_its_end() -> None:
    """What we cut ourselves is not the model's fault."""
    found = Heuristics().scores("Why?", '{"a": 1, "b', truncated=True)
    assert not {"answer_completeness", "format_valid"} & found.keys()
    assert "format_valid" not in Heuristics().scores("Why?", '{"a": "' + "x" * MOST_CHARS + '"}')


@settings(max_examples=60)
@given(st.text(max_size=400), st.text(max_size=400))
def test_every_score_is_in_its_range(prompt: str, response: str) -> None:
    """Whatever the texts are, and twice the same."""
    found = Heuristics().scores(prompt, response)
    assert found == Heuristics().scores(prompt, response)
    for name, value in found.items():
        most = RANGES[name].most
        assert RANGES[name].least <= value <= (float("inf") if most is None else most), name


def test_weights_are_read_from_a_setting() -> None:
    """Named ones replace the default; anything else is refused with what to write."""
    assert parse_weights("") == DEFAULT_WEIGHTS
    assert parse_weights("refusal=3, coherence=0") == DEFAULT_WEIGHTS | {"refusal": 3.0, "coherence": 0.0}
    for wrong in ("refusl=1", "refusal", "refusal=x", "refusal=-1", "refusal=nan"):
        with pytest.raises(ValueError, match=r"weight|write"):
            parse_weights(wrong)


def test_only_scores_with_a_weight_count() -> None:
    """Low is turned round; nothing gives nothing."""
    assert overall({"refusal": 1.0, "sentiment": 1.0}) == 0.0
    assert overall({"sentiment": 1.0}) is None
    assert set(DEFAULT_WEIGHTS) < RANGES.keys()


_IN_ENGLISH = {
    "refusal", "hallucination_markers", "hedging", "ungrounded", "lexical_relevance", "coherence", "unsafe_terms",
    "sentiment",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("de", "Wie starte ich das Gateway neu?", "Es tut mir leid, dabei kann ich nicht helfen."),
        ("fr", "Comment puis-je relancer le service ?", "Je suis désolé, mais je ne peux pas vous aider avec cela."),
        ("ja", "ゲートウェイを再起動するには？", "申し訳ありませんが、お手伝いできません。"),
        ("unknown", "Jak zrestartować bramkę w naszym systemie?", "Przykro mi, ale nie mogę w tym pomóc. Proszę "
         "zapytać administratora systemu, który ma odpowiednie uprawnienia."),
        ("unknown", "Sunucuyu nasıl yeniden başlatırım?", "Üzgünüm, bu konuda yardımcı olamam. Bunun için "
         "sistem yöneticinizle iletişime geçmeniz gerekir."),
    ],
)  # fmt: skip
def test_other_languages_are_not_scored_by_english_phrases(language: str, question: str, answer: str) -> None:
    """A refusal in another language is no answer that does not refuse: it has no such score, and says why."""
    found = Heuristics().found(question, answer)
    assert found.left_out == f"not scored: language ({language})"
    assert not _IN_ENGLISH & found.scores.keys()
    assert found.scores["repetition"] == 0.0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How do I restart it?", "Sorry, I can't."),
        ("", "No."),
        ("Write a function that squares a number.", "```python\ndef square(x):\n    return x * x\n```"),
        ("What do you need for the cake?", "1. Eggs\n2. Milk\n3. Butter\n4. Cheese\n5. Bread\n6. Salt\n7. Pepper"),
        ("", "The service has been down since this morning and nobody can reach it."),
    ],
)
def test_english_is_scored_also_where_it_is_short_or_code(question: str, answer: str) -> None:
    """What holds too few words to tell is taken for an answer in English."""
    found = Heuristics().found(question, answer)
    assert found.left_out == ""
    assert "refusal" in found.scores
