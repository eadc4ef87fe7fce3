"""What a text of a rule may hold, and how what was found in a file is shown in a message."""

from __future__ import annotations

import re

__all__ = ["problem_of_text", "shown"]

_HALF = re.compile("[\ud800-\udfff]")
# C0 and C1 controls, line and paragraph separators, and what turns the direction of writing (bidi controls).
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LINE_BREAKS = "\n\r\x0b\x0c\x85\u2028\u2029"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,60}")


def problem_of_text(text: str, most: int) -> str:
    """What is wrong with a text that people read in one line; "" if nothing is.

    Args:
        text: with its surrogates joined.
        most: the largest number of characters allowed.
    """
    if half := _HALF.search(text):
        return f"holds half of a character (\\u{ord(half[0]):x}); write both halves, or the character itself"
    if control := _CONTROL.search(text):
        if control[0] in _LINE_BREAKS:
            return "holds a line break; write the text in one line"
        return f"holds the control character U+{ord(control[0]):04X}; remove it"
    if len(text) > most:
        return f"has {len(text):,} characters; the most is {most:,}"
    return ""


def shown(value: object, *, plain: bool = False) -> str:
    """What was found in a file, for a message: short, in one line, and printable everywhere.

    Args:
        plain: leave out the quotes around a plain word.
    """
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    text = str(value)
    if plain and _PLAIN.fullmatch(text):
        return text
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
