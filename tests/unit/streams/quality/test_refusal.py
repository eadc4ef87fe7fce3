"""Refusals are told from answers, by what they say and not by their subject."""

from __future__ import annotations

import pytest

from callgauge_quality.refusal import HEAD, WEIGHTS, families_found, refusal_probability
from callgauge_quality.refusal_phrases import COMPLYING, FAMILIES
from callgauge_quality.text import Text

REFUSALS = (
    "Sorry, but I can't assist with that.",
    "I’m sorry, but I cannot help with that request.",
    "I cannot provide instructions for that. It is illegal and harmful. Instead, I encourage you to seek help.",
    "It is not appropriate to make jokes about people. It is important to treat everyone with respect.",
    "As an AI language model, I am not able to predict the outcome of a match.",
    "This question is subjective and depends on the individual's personal opinion.",
    "I must decline to answer. As an AI, I'm unable to discuss this.",
)
ANSWERS = (
    "The capital of Switzerland is Bern.",
    "(B). A fair amount.",
    "Sure! Here are three ways to do it:\n1. Restart the service.\n2. Clear the cache.\n3. Call support.",
    "To kill a Python process, you can use the command `kill -9 PID`.",
    "It is important to note that water boils at 100 °C at sea level.",
    "Sorry to hear that your order is late! It will arrive on Monday.",
    "",
)


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_one(text: str) -> None:
    """Polite or blunt, by inability, principle or evasion, with straight or curly apostrophes."""
    assert refusal_probability(Text(text)) > 0.5


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_none(text: str) -> None:
    """Though it apologises, warns, or names what sounds bad."""
    assert refusal_probability(Text(text)) < 0.5


def test_what_comes_late_does_not_count() -> None:
    """A refusal stands at the beginning; a story may hold one."""
    story = "The king looked at the sea and said nothing for a long while. " * 12
    assert refusal_probability(Text(story + REFUSALS[0])) == refusal_probability(Text(story))


def test_each_family_has_its_weight() -> None:
    """And none counts against its meaning."""
    assert set(WEIGHTS) == {family.name for family in FAMILIES}
    for name, weight in WEIGHTS.items():
        sign = -1 if name in COMPLYING else 1
        assert weight.head * sign >= 0
        assert weight.later * sign >= 0


def test_a_family_is_found_where_it_stands() -> None:
    """At the head, or later; never without a trigger word that its pattern needs."""
    assert families_found(Text("I'm sorry.")) == {"apology": True}
    assert families_found(Text("x" * HEAD + " sorry")) == {"apology": False}


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("here_are", "here's a list"),
        ("here_are", "of course"),
        ("seek_help", "please get professional support"),
        ("improper", "that would be inappropriate"),
        ("subjective", "it depends on personal taste"),
        ("subjective", "this cannot be answered"),
        ("privacy", "that is private information"),
        ("points_out", "i must point out"),
        ("list", "step 1 is"),
        ("urges", "please contact them"),
        ("no_access", "i don't have access"),
        ("dignity", "equal rights"),
    ],
)
def test_trigger_words_hide_nothing(family: str, text: str) -> None:
    """What a pattern matches holds one of its family's trigger words."""
    assert family in families_found(Text(text))
