"""What one compiled pass says of a text is what its words say, taken one by one."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_quality.coherence import coherence
from callgauge_quality.lexicon import Lexicon
from callgauge_quality.repetition import repetition
from callgauge_quality.sentiment import sentiment
from callgauge_quality.stop_words import ENGLISH, LANGUAGES
from callgauge_quality.text import Text
from tests.examples import examples

_PARTS = (
    *("The", "pump", "is", "not", "great", "sadly", "good", "never", "don't", "it’s", "der", "das", "não", "日本語"),
    *("it is said", ".", "!", "?", ",", " ", "\n", "\n\n", "  ", "\t", "\x1c", "\u00a0", "1.", "12.", "- ", "* "),
    *("“", "”", "…", "a-b", "However"),
)
TEXTS = st.lists(st.sampled_from(_PARTS), max_size=60).map("".join) | st.text(max_size=60)
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b\d\.)(?<!\b\d\d\.)\s+|\n+")
_NOT = {"not", "no", "never", "don't", "doesn't", "isn't", "wasn't", "aren't", "can't", "cannot", "won't", "without"}


def words_of(text: str) -> list[str]:
    """Slowly: blanks for all that stands between words."""
    lower = text.replace("’", "'").replace("‘", "'").lower()
    kept = (
        "\n" if c == "\n" else " " if c in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~“”„«»…—–•。、！？：；（）' else c
        for c in lower
    )
    return "".join(kept).split()


@settings(max_examples=examples(150, long=3_000), deadline=None)
@given(raw=TEXTS)
def test_words_and_what_is_counted_of_them(raw: str) -> None:
    """Words, runs of four, common words of each language, phrases of a lexicon."""
    text, words = Text(raw), words_of(raw)
    assert text.words == words
    assert text.scan.n == len(words)
    assert text.joined.split() == words
    runs = set(zip(words, words[1:], words[2:], words[3:], strict=False))
    assert text.scan.runs == len(runs)
    if len(words) >= 12:
        assert repetition(text) == 1.0 - len(runs) / (len(words) - 3)
    for at, common in enumerate(LANGUAGES.values()):
        assert text.scan.spoken >> 8 * at & 255 == sum(word in common for word in words[:60])
    lexicon = Lexicon(("it is said", "pump", "not great"))
    assert lexicon.count(text) == sum(
        f" {' '.join(words)} ".count(f" {p} ") for p in ("it is said", "pump", "not great")
    )


@settings(max_examples=examples(150, long=3_000), deadline=None)
@given(raw=TEXTS)
def test_a_negated_word_counts_on_the_other_side(raw: str) -> None:
    """Within two words after the negation."""
    words, good, bad = words_of(raw), 0, 0
    for at, word in enumerate(words):
        if word in ("great", "good", "sadly"):
            turned = not _NOT.isdisjoint(words[max(0, at - 2) : at])
            good += (word != "sadly") != turned
            bad += (word != "sadly") == turned
    known = {"great", "good", "sadly"} | _NOT | {w.lower() for p in _PARTS for w in words_of(p)}
    if known.issuperset(words):
        assert sentiment(Text(raw)) == (good - bad) / (good + bad + 2)


@settings(max_examples=examples(150, long=3_000), deadline=None)
@given(raw=TEXTS)
def test_sentences_that_are_joined(raw: str) -> None:
    """As the pattern cuts them, and sets compare them."""
    joining = {"however", "it"}
    lower = Text(raw).lower
    sentences = list(filter(None, _SENTENCE.split(lower, maxsplit=8)[:8]))
    said = coherence(Text(raw))
    if len(sentences) < 3:
        assert said is None
        return
    joined, before = 0, set[str]()
    for number, sentence in enumerate(sentences):
        words = words_of(sentence)
        content = set(words) - ENGLISH
        item = sentence[0] in "-*•" or sentence[0].isdigit()
        if number:
            joined += item or (bool(words) and words[0] in joining) or not content.isdisjoint(before)
        before = content
    parts = {word for part in _PARTS for word in words_of(part)}
    if {word for sentence in sentences for word in words_of(sentence)} <= parts:
        assert said == joined / (len(sentences) - 1)
