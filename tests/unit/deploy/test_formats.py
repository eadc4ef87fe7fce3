"""Rows as text."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge_deploy.formats import csv_lines, json_lines, json_of, ndjson_lines, tsv_lines, vertical_lines

NAMES = ["model", "calls", "cost", "tags"]
ROWS: list[list[Any]] = [
    ['gpt\x1b[2J\n, "x"', 18_446_744_073_709_551_615, Decimal("12345678901234567890.10"), {"a": [1, {"b": None}]}],
    [None, -1, float("nan"), {}],
]


def test_csv_is_rfc_4180() -> None:
    """Names first, CRLF, quotes doubled; values as they are, NULL as nothing, maps as JSON."""
    assert "".join(csv_lines(NAMES, ROWS)) == (
        "model,calls,cost,tags\r\n"
        '"gpt\x1b[2J\n, ""x""",18446744073709551615,12345678901234567890.10,"{""a"": [1, {""b"": null}]}"\r\n'
        ",-1,nan,{}\r\n"
    )


def test_csv_on_a_terminal() -> None:
    """Control characters are escaped."""
    assert list(csv_lines(["a"], [["\x1b,\n"]], lambda text: text.replace("\x1b", "ESC")))[1] == '"ESC,\n"\r\n'


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_csv_reads_back(rows: list[list[str]]) -> None:
    """Whatever the texts."""
    written = "".join(csv_lines(["a", "b"], rows))
    assert list(csv.reader(io.StringIO(written, newline="")))[1:] == rows


def test_json_is_exact() -> None:
    """Numbers are numbers, of any size; NaN is null; control characters are JSON's escapes."""
    text = "".join(json_lines(NAMES, ROWS))
    assert text == (
        '[\n  {"model": "gpt\\u001b[2J\\n, \\"x\\"", "calls": 18446744073709551615, "cost": 12345678901234567890.10, '
        '"tags": {"a": [1, {"b": null}]}},\n  {"model": null, "calls": -1, "cost": null, "tags": {}}\n]\n'
    )
    assert json.loads(text, parse_float=Decimal)[0] == dict(zip(NAMES, ROWS[0], strict=True))
    assert [json.loads(line) for line in ndjson_lines(NAMES, ROWS)] == json.loads(text)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), Decimal("NaN")])
def test_what_json_has_no_number_for(value: object) -> None:
    """Is null."""
    assert json_of([value]) == "[null]"


def test_tabs_and_lines() -> None:
    """A row is a line, a tab parts two values: those of a value are shown as escapes."""
    assert list(tsv_lines(["a", "b"], [["x\ty\nz", True], [0.1, None]])) == ["a\tb\n", "x\\ty\\nz\ttrue\n", "0.1\t\n"]


def test_vertical() -> None:
    """A value a line, nothing cut."""
    long = "x" * 70_000
    assert "".join(vertical_lines(["id", "message"], [["\x1b", long], [1, None]])) == (
        f"row 1\n  id       \\x1b\n  message  {long}\nrow 2\n  id       1\n  message\n"
    )


def test_no_rows() -> None:
    """Names where there is a place for them, and valid JSON."""
    written = ["".join(write(["a"], [])) for write in (csv_lines, tsv_lines, json_lines, ndjson_lines, vertical_lines)]
    assert written == ["a\r\n", "a\n", "[]\n", "", ""]
