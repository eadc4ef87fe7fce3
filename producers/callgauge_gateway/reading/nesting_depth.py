"""How deep JSON may be nested: what reads it calls itself for each level."""

from __future__ import annotations

import re

from callgauge.errors import DecodeError

__all__ = ["MOST_LEVELS", "check_depth"]

#: Levels of lists and objects inside each other.
MOST_LEVELS = 64

# A string, closed or not.
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SQUARE = bytes.maketrans(b"{}", b"[]")


def check_depth(text: bytes) -> None:
    """Look at brackets outside of strings.

    Raises:
        DecodeError: it is nested deeper than is allowed.
    """
    if text.count(b"{") + text.count(b"[") <= MOST_LEVELS:  # however they lie
        return
    brackets = _STRINGS.sub(b"", text).translate(_SQUARE, _NO_BRACKETS)
    for _ in range(MOST_LEVELS):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    if b"[]" in brackets or brackets.count(b"[") > MOST_LEVELS:
        raise DecodeError("", f"nested deeper than {MOST_LEVELS} levels")
