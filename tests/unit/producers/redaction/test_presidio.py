"""Presidio is one more recogniser, where it is installed, and asks no network."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from callgauge.errors import SettingError
from callgauge.redaction.configured import redactor_of
from callgauge.redaction.fields import redacted_fields
from callgauge.redaction.presidio import Presidio
from callgauge.redaction.redactor import Redactor
from callgauge.settings import load_settings


class NameAnalyzer:
    """Finds one name, as an analyzer of Presidio answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def analyze(self, text: str, language: str, *, entities: Any = None, score_threshold: Any = None) -> list[Any]:
        self.asked = entities
        at = text.find("Anna Berg")
        return [SimpleNamespace(start=at, end=at + 9, entity_type="PERSON", score=0.85)] if at >= 0 else []


def test_entity_types_are_kinds() -> None:
    """What an analyzer finds is replaced by its entity type, also where markup splits it; ids and links are not asked
    for."""
    analyzer = NameAnalyzer()
    redactor = Redactor(of_prose=[Presidio(analyzer, "en", ["PERSON", "UUID", "URL", "DATE_TIME"])])
    assert redactor.text("by Anna <b>Berg</b>, a@b.org") == "by [person]</b>, [email]"
    assert analyzer.asked == ["PERSON"]


def test_labels_are_not_prose() -> None:
    """A model of names would take some models, services and users for people."""
    redactor = Redactor(of_prose=[Presidio(NameAnalyzer(), "en", ["PERSON"])])
    fields = {"model": "Anna Berg", "user_id": "Anna Berg", "error_message": "Anna Berg", "tags": {"a": "Anna Berg"}}
    assert redacted_fields(redactor, fields) == fields | {"error_message": "[person]", "tags": {"a": "[person]"}}


def test_patterns_of_presidio_find_what_ours_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its recognisers without a model find a social security number; nothing opens a connection."""
    pytest.importorskip("presidio_analyzer", reason="the extra `redact` is not installed")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a connection was opened"))
    redactor = redactor_of(load_settings(redact_presidio="patterns"))
    assert redactor.text("ssn 536-90-4399, mail a@b.org") == "ssn [us_ssn], mail [email]"


def test_a_model_that_is_missing_is_not_downloaded() -> None:
    """It is refused, with what to do."""
    pytest.importorskip("presidio_analyzer", reason="the extra `redact` is not installed")
    with pytest.raises(SettingError, match=r"'en_no_such' is not installed: python -m spacy download en_no_such"):
        redactor_of(load_settings(redact_presidio="en_no_such"))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(SettingError, match=r"pip install 'callgauge\[redact\]'"):
        redactor_of(load_settings(redact_presidio="patterns"))
