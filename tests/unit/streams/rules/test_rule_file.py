"""A rule file is read as it is written, or refused in plain sentences; nothing in it makes a traceback."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callgauge.errors import RuleError
from callgauge_rules.rules import Rule, load_rules

RULE = {"name": "slow", "by": ["model"], "aggregate": "latency_p95_ms", "lookback": "5m", "value": 1000}
LINES = """rules:
  - name: slow
    by: [model]
    where: {model: gpt-4}
    aggregate: latency_p95_ms
    lookback: 5m
    value: 1000
"""
FORM = "write `rules:` and below it one `- name: ...` for each rule"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(RuleError) as error:
        load_rules(path)
    return str(error.value).replace(f"{path}, ", "")


def rule_of(path: Path, content: str) -> Rule:
    path.write_text(content, "utf-8")
    (rule,) = load_rules(path)
    return rule


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", f"line 1: the file is empty; {FORM}"),
        ("# nothing yet\n", f"line 1: the file is empty; {FORM}"),
        ("[]", f"line 1: the file holds only a list; {FORM}"),
        ("rules", f"line 1: the file holds only a text; {FORM}"),
        ("{}", f"line 1: rules: there is no rule; {FORM}"),
        ("\nrules: []", f"line 2: rules: there is no rule; {FORM}"),
        ("\nrules:\n", f"line 2: rules: there is no rule; {FORM}"),
        ("rules: {name: slow}", f"line 1: rules: is a mapping, no list; {FORM}"),
        ("rules: 3", f"line 1: rules: is a text, no list; {FORM}"),
        ("rules: [3]", "line 1: rule 1: a rule is made of fields, such as name: and aggregate:; this is '3'"),
        ("rules:\n  -\n", "line 2: rule 1: a rule is made of fields, such as name: and aggregate:; this is nothing"),
        (LINES.replace("rules", "rule"), "line 1: rule is no part of a rule file; did you mean rules?"),
        (f"groups: []\n{LINES}", f"line 1: groups is no part of a rule file; {FORM}"),
    ],
)
def test_a_file_of_another_form_says_what_to_write(path: Path, content: str, said: str) -> None:
    """Empty, a list or a text at the top, no rules, one rule that is none."""
    assert refusal(path, content.encode()) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("rules: [", "line 1: no YAML that can be read here: "),
        ("rules:\n  - name: a: b\n", "line 2: no YAML that can be read here: mapping values are not allowed here"),
        ("[" * 3_000, "line 1: no YAML that can be read here: values are nested deeper than 20 levels"),
        ("{a: " * 3_000, "line 1: no YAML that can be read here: values are nested deeper than 20 levels"),
        ("- " * 3_000, "line 1: no YAML that can be read here: values are nested deeper than 20 levels"),
        ("a: &a [*a]", "values are nested deeper than 20 levels, or an alias holds itself"),
        ("rules: &a {<<: *a}", "values are nested deeper than 20 levels, or an alias holds itself"),
        (BOMB, "there are more than 100,000 values (aliases count each time)"),
        (f"{BOMB}j: {{<<: [*i]}}", "line 1: no YAML that can be read here: there are more than 100,000 values"),
        ("rules: *none", "found undefined alias 'none'"),
        ("rules: {<<: 3}", "<< merges a mapping, such as *name; this is none"),
        (
            "\na: !!python/object/apply:os.system [ls]",
            "line 2: no YAML that can be read here: the tag '!!python/object",
        ),
        ("a: !mine x", "the tag '!mine' is not read; remove it"),
        ("? [a]\n: b", "a key is a word, not a list or mapping"),
        ('a: 1\n"\\ud800": b', "line 2: no YAML that can be read here: the key '\\ud800' holds half of a character"),
        ("a: 1\n---\nb: 2\n", "line 2: no YAML that can be read here: a second document begins here (---)"),
        ('a: "\\UFFFFFFFF"', "an escape stands for no character, or a number is too large"),
        (f"%YAML 1.{'1' * 5_000}\n---\na: b", "an escape stands for no character, or a number is too large"),
        ("a:\n  b: \x07", "line 2: no YAML that can be read here: the character U+0007 is not allowed; remove it"),
    ],
)
def test_odd_yaml_is_refused_by_its_line(path: Path, content: str, said: str) -> None:
    """Broken, too deep, aliases that explode, tags, several documents, odd keys and characters."""
    assert said in refusal(path, content.encode())


def test_a_file_that_is_no_utf_8_says_which_byte(path: Path) -> None:
    """As an editor set to latin-1 saves it."""
    said = "line 4: byte 0xe9 (byte 58 of the file) is no UTF-8; save the file as UTF-8"
    assert refusal(path, LINES.replace("gpt-4", "é").encode("latin-1")) == said


def test_a_byte_order_mark_is_no_part_of_the_file(path: Path) -> None:
    path.write_text(LINES, "utf-8-sig")
    assert [rule.name for rule in load_rules(path)] == ["slow"]


def test_a_huge_file_is_refused(path: Path) -> None:
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(RuleError, match="has more than 1,000,000 bytes; is it a rule file"):
        load_rules(path)


def test_a_number_is_decimal_whatever_yaml_makes_of_it(path: Path) -> None:
    """010 is no octal 8; the same letters as a label's value stay as they are."""
    rule = rule_of(path, LINES.replace("1000", "010").replace("gpt-4", "010") + "    min_count: 020\n")
    assert (rule.value, rule.where, rule.min_count) == (10.0, {"model": "010"}, 20)


@pytest.mark.parametrize(
    "word", ["yes", "No", "on", "OFF", "true", "1:30", "0x1F", ".inf", ".nan", "1e999", "2026-01-01"]
)
def test_a_word_of_yaml_is_a_text_and_no_number(path: Path, word: str) -> None:
    """In a text it is kept, as a number it is refused, and so it is as a duration or a number of calls."""
    rule = rule_of(path, LINES.replace("gpt-4", word) + f"    summary: {word}\n")
    assert (rule.where, rule.summary) == ({"model": word}, word)
    said = f"line 7: slow: value: a limit is a number, such as 0.05 or 5%, not '{word}'"
    assert refusal(path, LINES.replace("1000", word).encode()) == said
    said = f"line 6: slow: lookback: '{word}' is no duration; write e.g. 10s, 5m, 1h30m, 1d"
    assert refusal(path, LINES.replace("5m", word).encode()) == said
    said = f"line 8: slow: min_count: a number of calls is whole and at least 1, such as 20, not '{word}'"
    assert refusal(path, f"{LINES}    min_count: {word}\n".encode()) == said


def test_aliases_and_merge_keys_work(path: Path) -> None:
    """What a rule says itself comes first."""
    first = LINES.replace("- name", "- &first\n    name")
    path.write_text(f"{first}  - <<: *first\n    name: slower\n    value: 2000\n")
    found = [(rule.name, rule.value, rule.where) for rule in load_rules(path)]
    assert found == [("slow", 1000.0, {"model": "gpt-4"}), ("slower", 2000.0, {"model": "gpt-4"})]


def test_the_last_line_break_of_a_block_is_no_part_of_the_text(path: Path) -> None:
    assert rule_of(path, f"{LINES}    summary: >\n      in two\n      lines\n").summary == "in two lines"


def test_an_emoji_as_json_writes_it_is_one_character(path: Path) -> None:
    """json.dumps writes a pair of surrogates, and JSON is YAML."""
    assert rule_of(path, json.dumps({"rules": [RULE | {"summary": "\U0001f525 busy"}]})).summary == "\U0001f525 busy"


@pytest.mark.parametrize(
    ("escape", "problem"),
    [
        ("\\ud83d busy", "holds half of a character (\\ud83d); write both halves, or the character itself"),
        ("\\udd25\\ud83d", "holds half of a character (\\udd25); write both halves, or the character itself"),
        ("a\\nb", "holds a line break; write the text in one line"),
        ("a\\u2028b", "holds a line break; write the text in one line"),
        ("a\\tb", "holds the control character U+0009; remove it"),
        ("\\0", "holds the control character U+0000; remove it"),
        ("\\e[2J", "holds the control character U+001B; remove it"),
        ("\\u009b", "holds the control character U+009B; remove it"),
        ("\\u202e", "holds the control character U+202E; remove it"),
        ("\\u2066", "holds the control character U+2066; remove it"),
    ],
)
@pytest.mark.parametrize("field", ["summary", "runbook", "where"])
def test_a_text_holds_no_control_and_no_half_character(path: Path, field: str, escape: str, problem: str) -> None:
    """In whichever text of a rule it stands."""
    if field == "where":
        content, place = LINES.replace("gpt-4", f'"{escape}"'), "line 4: slow: where: model"
    else:
        content, place = f'{LINES}    {field}: "{escape}"\n', f"line 8: slow: {field}"
    assert refusal(path, content.encode()) == f"{place}: {problem}"


def test_texts_have_an_end(path: Path) -> None:
    """Longer ones would make alerts that no channel takes; a label has at most 256 characters."""
    said = "line 8: slow: summary: has 1,001 characters; the most is 1,000"
    assert refusal(path, f"{LINES}    summary: {'a' * 1_001}\n".encode()) == said
    assert "has 257 characters; the most is 256" in refusal(path, LINES.replace("gpt-4", "a" * 257).encode())


def loads_or_refuses(path: Path, content: bytes) -> None:
    """The law of this file: rules, or sentences that can be printed and name no class of ours."""
    path.write_bytes(content)
    try:
        rules = load_rules(path)
    except RuleError as error:
        for line in str(error).encode().decode().splitlines():
            assert line.startswith(str(path))
            assert "Input should" not in line
            assert "Rule'" not in line
        return
    for rule in rules:
        f"{rule.name}{rule.summary}{rule.runbook}{rule.where}".encode()


any_text = st.text(st.characters(exclude_categories=()), max_size=12)
words = st.sampled_from(
    [*RULE, "for", "cooldown", "severity", "where", "min_count", "latency_p95_ms", "5m", "gt", "5%", ""]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text | words
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(words | scalars, v, max_size=3), max_leaves=8
)
changes = st.dictionaries(words | any_text, values, max_size=3)
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(st.binary(max_size=200))
@example(b"\xff\xfer\x00")
def test_any_bytes_load_or_are_refused(path: Path, content: bytes) -> None:
    """Whatever file CALLGAUGE_RULES_FILE names."""
    loads_or_refuses(path, content)


@many
@given(st.text(st.sampled_from("[]{}:,-?&*!|>'\"%@`#<~\\ \n\tab0u%"), max_size=60))
def test_any_punctuation_loads_or_is_refused(path: Path, content: str) -> None:
    """Text of which YAML's parser makes something odd, alone and as the value of a field."""
    loads_or_refuses(path, content.encode())
    loads_or_refuses(path, f"{LINES}    summary: {content}".encode())


@many
@given(values, changes)
def test_any_values_load_or_are_refused(path: Path, value: Any, changed: dict[str, Any]) -> None:
    """At the top, as the rules, as a rule, and as the fields of a rule that is right otherwise; in JSON and in YAML."""
    for content in (value, {"rules": value}, {"rules": [value]}, {"rules": [RULE | changed]}):
        with suppress(TypeError):  # JSON has no such key
            loads_or_refuses(path, json.dumps(content).encode())
        loads_or_refuses(path, yaml.safe_dump(content).encode(errors="surrogatepass"))


def test_a_rule_that_hypothesis_changes_is_right_otherwise(path: Path) -> None:
    """So the search does not end at the first mistake."""
    assert rule_of(path, json.dumps({"rules": [RULE]})).value == 1000.0
