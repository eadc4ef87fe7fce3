"""Text of others cannot act on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.printable import json_printable, printable, printable_lines

#: Any character, lone surrogates too; those that matter come often.
RISKY = st.sampled_from([*map(chr, range(0xA0)), *"\u200b\u200d\u200e\u2028\u202e\u2066\ufeff\ud800\udfff\U000e0041"])
TEXT = st.text(st.one_of(RISKY, st.characters(exclude_categories=())))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\nb\r\tc\x00\x7f\x9b", r"a\nb\r\tc\x00\x7f\x9b"),
        ("\u202egpt\u202c\u2066x\u2069\u200e\u200f", r"\u202egpt\u202c\u2066x\u2069\u200e\u200f"),
        ("\u2028\u2029\u0085", r"\u2028\u2029\x85"),
        ("zero\u200b\u200c\u200d\u2060\ufeffwidth", r"zero\u200b\u200c\u200d\u2060\ufeffwidth"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
)
def test_what_acts_or_hides_is_escaped(text: str, shown: str) -> None:
    """As Python writes it."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpt-4o",
        r"C:\new \d+",
        "Größe µ €",
        "価格 한국어",
        "👩‍💻 👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 🧔🏽‍♂️ ☎️ 1️⃣",
        "a\u00a0b\u3000c",
        "e\u0301",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Accents, CJK, emoji with joiners and skin tones, no-break spaces, backslashes."""
    assert printable(text) == text


@given(TEXT)
def test_nothing_that_acts_is_left(text: str) -> None:
    """No control, separator or surrogate; no format character but a joiner between emoji; printing works; one line."""
    shown = printable(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"}
    hidden = {
        c
        for c in shown
        if unicodedata.bidirectional(c) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    }
    assert not hidden | set("\u200b\u200c\u200e\u200f\u2060\ufeff") & set(shown)
    assert shown.encode().decode() == shown
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


@given(TEXT.filter(lambda text: "\\" not in text))
def test_different_texts_are_shown_differently(text: str) -> None:
    """Without backslashes of its own, a text can be read back from what is shown."""
    shown = printable(text)
    pieces = shown.split("\\")
    back = pieces[0]
    for piece in pieces[1:]:
        size = {"x": 3, "u": 5, "U": 9}.get(piece[0], 1)
        back += {"n": "\n", "r": "\r", "t": "\t"}.get(piece[0]) or chr(int(piece[1:size], 16))
        back += piece[size:]
    assert back == text


def test_lines_stay_lines() -> None:
    """Line breaks are kept, all else is escaped."""
    assert (
        printable_lines("bad settings:\n  CALLGAUGE_X: \x1b[1m\u2028")
        == "bad settings:\n  CALLGAUGE_X: \\x1b[1m\\u2028"
    )


@given(TEXT)
def test_json_means_the_same(text: str) -> None:
    """The document is safe to print, and reads as before."""
    document = json_printable(json.dumps({"a": [text]}, ensure_ascii=False, indent=1))
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # JSON joins two halves
    assert json.loads(document) == {"a": [joined]}
    assert printable_lines(document) == document
