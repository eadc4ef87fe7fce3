"""Conditions on labels."""

from __future__ import annotations

import pytest

from callgauge_rules.matchers import labels_of, matcher_of
from tests.unit.sinks.notify.alerts import alert

LABELS = labels_of(alert(severity="error", labels={"service": "chat", "model": "gpt-4o"}), "assistants")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("service=chat", True),
        ("service == 'chat'", True),
        ("service=search", False),
        ("service!=search", True),
        ("provider=", True),
        ("provider!=openai", True),
        ("model=~gpt-.*", True),
        ("model=~gpt", False),
        ("model!~gpt-4.*", False),
        ('rule="slow"', True),
        ("alertname=slow", True),
        ("owner=assistants", True),
        ("severity>=warning", True),
        ("severity>=error", True),
        ("severity>=critical", False),
        ("severity=error", True),
    ],
)
def test_which_conditions_hold(text: str, holds: bool) -> None:
    """A label that the alert does not have is empty; a pattern matches the whole value."""
    assert matcher_of(text).holds(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("serivce=chat", "serivce is no label of an alert; did you mean service?"),
        ("severity=page", "page is no severity; did you mean critical?"),
        ("severity>=fatal", "fatal is no severity; did you mean critical?"),
        ("service>=chat", ">= compares severities only; for service write = or =~"),
        ("model=~gpt(", "'gpt(' is no regular expression: missing ), unterminated subpattern at position 3"),
        ("chat", "'chat' is no condition; write e.g. severity>=error, service=chat or model=~gpt-.*"),
    ],
)
def test_what_is_wrong_is_said(text: str, told: str) -> None:
    """With the name that was meant, or what to write."""
    with pytest.raises(ValueError, match=r".+") as caught:
        matcher_of(text)
    assert str(caught.value).replace("'serivce'", "serivce") == told
