"""All heuristics of one answer, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callgauge_quality.answer_format import Check, format_valid
from callgauge_quality.coherence import coherence
from callgauge_quality.completeness import answer_completeness
from callgauge_quality.conversation import Conversation, answer_text
from callgauge_quality.grounding import ungrounded
from callgauge_quality.hallucination_markers import hallucination_markers
from callgauge_quality.hedging import hedging
from callgauge_quality.language import language_of
from callgauge_quality.lexicon import Lexicon
from callgauge_quality.overall import DEFAULT_WEIGHTS, overall
from callgauge_quality.refusal import THRESHOLD, refusal_probability
from callgauge_quality.relevance import lexical_relevance
from callgauge_quality.repetition import repetition
from callgauge_quality.safety import PHRASES, unsafe_terms
from callgauge_quality.sentiment import sentiment
from callgauge_quality.text import Text

__all__ = ["MOST_CHARS", "Expected", "Heuristics"]

#: Characters of a prompt or answer that are looked at, so that no text takes long.
MOST_CHARS = 32_768


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
        """Name -> value of every score that the answer has, in the order of `names.BY_TEXT`.

        Args:
            truncated: the answer was cut when it was sent, so its end and its JSON are not the model's.
        """
        answer = answer_text(response[:MOST_CHARS])
        if not answer.raw.strip():
            return {}
        conversation = Conversation(prompt[:MOST_CHARS])
        expected = self.expected.get(service) or self.expected.get("") or Expected()
        cut = truncated or len(response) > MOST_CHARS
        found = {
            "refusal": float(refusal_probability(answer) >= self.refusal_threshold),
            "hallucination_markers": hallucination_markers(answer),
            "hedging": hedging(answer),
            "ungrounded": ungrounded(conversation.source, answer),
            "lexical_relevance": lexical_relevance(conversation.question, answer),
            "coherence": coherence(answer),
            "answer_completeness": None if cut else answer_completeness(conversation.question, answer),
            "unsafe_terms": unsafe_terms(answer, self.unsafe),
            "format_valid": None if cut else format_valid(answer, expected=expected.json, check=expected.check),
            "language_match": _language_match(conversation.question, answer, expected.language),
            "repetition": repetition(answer),
            "sentiment": sentiment(answer),
        }
        scores = {name: value for name, value in found.items() if value is not None}
        quality = overall(scores, self.weights)
        return scores if quality is None else scores | {"quality": quality}


def _language_match(question: Text, answer: Text, expected: str) -> float | None:
    """1 or 0; None: the language of one of them cannot be told."""
    wanted = expected or language_of(question)
    found = language_of(answer) if wanted else ""
    return float(found == wanted) if found else None
