"""All heuristics of one answer, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from callgauge_quality.answer_format import Check, format_valid
from callgauge_quality.coherence import coherence
from callgauge_quality.completeness import answer_completeness
from callgauge_quality.conversation import Conversation, answer_text
from callgauge_quality.grounding import ungrounded
from callgauge_quality.hallucination_markers import hallucination_markers
from callgauge_quality.hedging import hedging
from callgauge_quality.language import is_english, language_of
from callgauge_quality.lexicon import Lexicon
from callgauge_quality.names import BY_TEXT
from callgauge_quality.overall import DEFAULT_WEIGHTS, overall
from callgauge_quality.refusal import THRESHOLD, refusal_probability
from callgauge_quality.relevance import lexical_relevance
from callgauge_quality.repetition import repetition
from callgauge_quality.safety import PHRASES, unsafe_terms
from callgauge_quality.sentiment import sentiment
from callgauge_quality.text import Text

__all__ = ["MOST_CHARS", "Expected", "Found", "Heuristics"]

#: Characters of a prompt or answer that are looked at, so that no text takes long.
MOST_CHARS = 32_768
_NAMES = tuple(each.name for each in BY_TEXT)


@dataclass(frozen=True)
class Expected:
    """What a service expects of its answers.

    Attributes:
        json: they are JSON.
        check: what the JSON must fulfil; None: nothing.
        language: ISO 639-1 code; empty: that of the question.
    """

    json: bool = False
    check: Check | None = None
    language: str = ""


class Found(NamedTuple):
    """What is said of an answer.

    Attributes:
        scores: name -> value of every score that it has, in the order of `names.BY_TEXT`.
        left_out: why those that go by English words are not among them; "" where they are.
    """

    scores: dict[str, float]
    left_out: str = ""


@dataclass(frozen=True)
class Heuristics:
    """Scores answers.

    Attributes:
        weights: of the overall quality.
        refusal_threshold: probability from which an answer is a refusal.
        expected: by service; "" is for all others.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    refusal_threshold: float = THRESHOLD
    expected: Mapping[str, Expected] = field(default_factory=dict)
    unsafe: Lexicon = field(default_factory=lambda: Lexicon(PHRASES))

    def scores(self, prompt: str, response: str, service: str = "", *, truncated: bool = False) -> dict[str, float]:
        """Only the scores of `found`."""
        return self.found(prompt, response, service, truncated=truncated).scores

    def found(self, prompt: str, response: str, service: str = "", *, truncated: bool = False) -> Found:
        """All that is said of an answer.

        Args:
            truncated: the answer was cut when it was sent, so its end and its JSON are not the model's.
        """
        answer = answer_text(response[:MOST_CHARS])
        if not answer.raw.strip():
            return Found({})
        conversation = Conversation(prompt[:MOST_CHARS])
        expected = self.expected.get(service) or self.expected.get("") or Expected()
        cut = truncated or len(response) > MOST_CHARS
        language = language_of(answer)
        english = is_english(answer, language, conversation.question)
        found: dict[str, float | None] = self._in_english(conversation, answer) if english else {}
        found |= {
            "answer_completeness": None if cut else answer_completeness(conversation.question, answer),
            "format_valid": None if cut else format_valid(answer, expected=expected.json, check=expected.check),
            "language_match": _language_match(conversation.question, language, expected.language),
            "repetition": repetition(answer),
        }
        scores = {name: value for name in _NAMES if (value := found.get(name)) is not None}
        quality = overall(scores, self.weights)
        if quality is not None:
            scores["quality"] = quality
        return Found(scores, "" if english else f"not scored: language ({language or 'unknown'})")

    def _in_english(self, conversation: Conversation, answer: Text) -> dict[str, float | None]:
        """The scores that go by English words."""
        return {
            "refusal": float(refusal_probability(answer) >= self.refusal_threshold),
            "hallucination_markers": hallucination_markers(answer),
            "hedging": hedging(answer),
            "ungrounded": ungrounded(conversation.source, answer),
            "lexical_relevance": lexical_relevance(conversation.question, answer),
            "coherence": coherence(answer),
            "unsafe_terms": unsafe_terms(answer, self.unsafe),
            "sentiment": sentiment(answer),
        }


def _language_match(question: Text, found: str, expected: str) -> float | None:
    """1 or 0; None: the language of one of them cannot be told."""
    wanted = (expected or language_of(question)) if found else ""
    return float(found == wanted) if wanted else None
