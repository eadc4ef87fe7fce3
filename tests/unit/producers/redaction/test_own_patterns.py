"""A file of own patterns is used, or refused in one line that says where and what to do."""

from pathlib import Path

import pytest

from callgauge.errors import SettingError
from callgauge.redaction.configured import redactor_of
from callgauge.redaction.redactor import Redactor
from callgauge.settings import load_settings


def redactor_with(folder: Path, text: str) -> Redactor:
    file = folder / "patterns.yaml"
    file.write_text(text, "utf-8")
    return redactor_of(load_settings(redact_patterns_file=file))


def test_own_patterns_are_found(tmp_path: Path) -> None:
    """What they match becomes their name, in folded text too."""
    redactor = redactor_with(tmp_path, "patterns:\n  - name: employee_id\n    regex: 'E-[0-9]{6}'\n")
    assert redactor.counted("by E-12\u200b3456 and E-654321") == (
        "by [employee_id] and [employee_id]",
        {"employee_id": 2},
    )


@pytest.mark.parametrize(
    ("regex", "said"),
    [
        ("(a+)+b", "repeats what repeats without end"),
        ("(?:a|b*)*c", "repeats what repeats without end"),
        ("(?:x(?:y+)z){2,9}", "repeats what repeats without end"),
        (r"(a)\1", "refers back to a group"),
        ("a*", "matches an empty text"),
        ("(a", "missing )"),
    ],
)
def test_a_pattern_that_may_be_slow_is_refused(tmp_path: Path, regex: str, said: str) -> None:
    """With the file, the line and the reason."""
    with pytest.raises(SettingError, match="line 3") as raised:
        redactor_with(tmp_path, f"patterns:\n  - name: x\n    regex: '{regex}'\n")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is a list"),
        ("patterns: []\nmore: 1\n", "'more' is no part of the file"),
        ("patterns:\n  - regex: a\n", "`name:` is missing"),
        ("patterns:\n  - name: x\n", "`regex:` is missing"),
        ("patterns:\n  - name: X Y\n    regex: a\n", "lower-case letters"),
        ("patterns:\n" + "  - {name: x, regex: a}\n" * 101, "more than 100 patterns"),
        ("rules: []\n", "'rules' is no part"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """In one line."""
    with pytest.raises(SettingError) as raised:
        redactor_with(tmp_path, text)
    assert said in str(raised.value)


def test_a_missing_file_is_named() -> None:
    """With its setting."""
    with pytest.raises(SettingError, match=r"/no/such\.yaml: .*CALLGAUGE_REDACT_PATTERNS_FILE names a YAML file"):
        redactor_of(load_settings(redact_patterns_file="/no/such.yaml"))
