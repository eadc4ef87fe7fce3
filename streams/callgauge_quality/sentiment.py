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
    words = answer.words
    found = list(filter(_ALL.__contains__, words))
    if not found:
        return 0.0
    turned = _turned(words) if not _NOT.isdisjoint(answer.word_set) else ()
    bad = sum(map(_BAD.__contains__, found))
    good = len(found) - bad
    moved = sum(map(_BAD.__contains__, turned))  # from bad to good; the others the other way
    good, bad = good + 2 * moved - len(turned), bad - 2 * moved + len(turned)
    return (good - bad) / (good + bad + 2)


def _turned(words: list[str]) -> list[str]:
    """Those of the words that come within two words after a negation."""
    places = (at for at, word in enumerate(words) if word in _ALL)
    return [words[at] for at in places if not _NOT.isdisjoint(words[max(0, at - 2) : at])]
