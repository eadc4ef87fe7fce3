"""Sentiment of an answer: friendly and hopeful words against unfriendly and gloomy ones, a negated one turned round.

    sentiment = (p - n) / (p + n + 2),    p, n: words found; 0 where there are none

A change of its mean says that a model's tone has changed; of one answer it says little, since subjects have words of
their own ("failed", "pain"). No labelled answers are at hand, so its error is not known. English only.
"""

from __future__ import annotations

from callgauge_quality.text import Text

__all__ = ["sentiment"]

_GOOD_WORDS = (
    "amazing appreciate awesome beautiful best better brilliant cheerful congratulations delighted easy enjoy "
    "enjoyable excellent excited exciting fantastic favorite friendly fun glad good great happy helpful hope "
    "hopeful impressive joy kind love lovely nice perfect pleasant pleased pleasure positive proud recommend safe "
    "smooth success successful thank thanks thrilled useful welcome well wonderful works worth"
)
_BAD_WORDS = (
    "afraid angry annoying awful bad boring broken confusing dangerous death difficult disappointed disappointing "
    "dreadful fail failed failure fear frustrated frustrating hate horrible hurt inappropriate inconvenience "
    "mistake negative pain painful poor problem regret sad sadly sorry stupid terrible tragic ugly unable "
    "unacceptable unfortunately unhappy unpleasant upset useless violence worried worse worst wrong"
)
_GOOD, _BAD = frozenset(_GOOD_WORDS.split()), frozenset(_BAD_WORDS.split())
_NOT = frozenset(
    {"not", "no", "never", "don't", "doesn't", "isn't", "wasn't", "aren't", "can't", "cannot", "won't", "without"}
)
_ALL = _GOOD | _BAD


def sentiment(answer: Text) -> float:
    """From -1 to 1.

    >>> sentiment(Text("Great, that works well.")) > 0 > sentiment(Text("That is not good, sadly it failed."))
    True
    """
    found = _ALL & answer.word_set
    if not found:
        return 0.0
    words, has_not = answer.words, not _NOT.isdisjoint(answer.word_set)
    good = bad = 0
    for word in found:
        count = words.count(word)
        negated = _negated(words, word) if has_not else 0
        kept, turned = count - negated, negated
        good += kept if word in _GOOD else turned
        bad += turned if word in _GOOD else kept
    return (good - bad) / (good + bad + 2)


def _negated(words: list[str], wanted: str) -> int:
    """How often a word comes within two words after a negation."""
    places = (at for at, word in enumerate(words) if word == wanted)
    return sum(not _NOT.isdisjoint(words[max(0, at - 2) : at]) for at in places)
