"""Sentiment of an answer: friendly and hopeful words against unfriendly and gloomy ones, a negated one turned round.

    sentiment = (p - n) / (p + n + 2),    p, n: words found, one within two words after a negation on the other side

A change of its mean says that a model's tone has changed; of one answer it says little, since subjects have words of
their own ("failed", "pain"). No labelled answers are at hand, so its error is not known. English only.
"""

from __future__ import annotations

from callgauge_quality.text import Text
from callgauge_quality.word_scan import BAD, GOOD, NOT
from callgauge_quality.word_table import WORDS

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
_NOT = "not no never don't doesn't isn't wasn't aren't can't cannot won't without"
for _words, _flag in ((_GOOD_WORDS, GOOD), (_BAD_WORDS, BAD), (_NOT, NOT)):
    WORDS.flag(_words.split(), _flag)


def sentiment(answer: Text) -> float:
    """From -1 to 1.

    >>> sentiment(Text("Great, that works well.")) > 0 > sentiment(Text("That is not good, sadly it failed."))
    True
    """
    good, bad = answer.scan.good, answer.scan.bad
    return (good - bad) / (good + bad + 2)
