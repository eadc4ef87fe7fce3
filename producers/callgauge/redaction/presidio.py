"""Microsoft Presidio as a further recogniser: names of people, places and the ids of many countries.

It costs milliseconds a text and, with a model, hundreds of megabytes, on the delivery thread. Nothing is downloaded: a
spaCy model must be installed before. The extra `redact` brings the library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from callgauge.errors import SettingError
from callgauge.redaction.finding import Finding

__all__ = ["Presidio", "load_presidio"]

VARIABLE = "CALLGAUGE_REDACT_PRESIDIO"
#: Value of the setting for the recognisers that need no model.
PATTERNS = "patterns"
# What everything is full of, and what tells of nobody.
_PASSED_OVER = frozenset({"URL", "DATE_TIME", "EMAIL_ADDRESS", "UUID"})
# These two ask the network for the list of top-level domains. E-mail addresses are found anyhow.
_ONLINE = ("EmailRecognizer", "UrlRecognizer")
_LEAST_SCORE = 0.5


class Analyzer(Protocol):
    """The method of `presidio_analyzer.AnalyzerEngine` that is used."""

    def analyze(self, text: str, language: str, *, entities: Any = None, score_threshold: Any = None) -> Sequence[Any]:
        """Results with `start`, `end`, `entity_type` and `score`."""


class Presidio:
    """Finds what an analyzer of Presidio finds: its entity types, in lower case, are the kinds.

    Args:
        entities: the entity types to look for.
    """

    def __init__(self, analyzer: Analyzer, language: str, entities: Sequence[str]) -> None:
        self._analyzer = analyzer
        self._language = language
        self._entities = [entity for entity in entities if entity not in _PASSED_OVER]

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        found = self._analyzer.analyze(text, self._language, entities=self._entities, score_threshold=_LEAST_SCORE)
        for result in found:
            yield Finding(result.start, result.end, result.entity_type.lower())


def load_presidio(model: str) -> Presidio:
    """Presidio with an installed spaCy model, such as en_core_web_sm, or with its patterns alone.

    Raises:
        SettingError: the library or the model is not installed.
    """
    try:
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import NoOpNlpEngine, SpacyNlpEngine
        from spacy.util import is_package
    except ModuleNotFoundError as error:
        raise SettingError(f"{VARIABLE} needs Presidio: pip install 'callgauge[redact]'") from error
    language = "en" if model == PATTERNS else model[:2]
    engine: Any  # the two have no ancestor that is typed
    if model == PATTERNS:
        engine = NoOpNlpEngine(models=[{"lang_code": language, "model_name": model}])
    elif is_package(model):
        engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model}])
    else:
        raise SettingError(
            f"{VARIABLE}: the spaCy model {model!r} is not installed: python -m spacy download {model}, or write "
            f"{PATTERNS} to go without a model"
        )
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    for name in _ONLINE:
        registry.remove_recognizer(name)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
    return Presidio(analyzer, language, analyzer.get_supported_entities(language))
