"""How deep JSON may be nested: what reads it calls itself for each level."""

from __future__ import annotations

import re

from callgauge.errors import DecodeError

__all__ = ["MOST_LEVELS", "check_depth"]

#: Levels of lists and objects inside each other.
MOST_LEVELS = 64

_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_OPENING = frozenset(b"[{")
_QUOTE = ord('"')


def check_depth(text: bytes) -> None:
    """Look at brackets outside of strings.

    Raises:
        DecodeError: it is nested deeper than is allowed.
    """
    if text.count(b"{") + text.count(b"[") <= MOST_LEVELS:  # however they lie
        return
    depth = 0
    for match in _TOKENS.finditer(text):
        first = text[match.start()]
        if first == _QUOTE:
            continue
        depth += 1 if first in _OPENING else -1
        if depth > MOST_LEVELS:
            raise DecodeError("", f"nested deeper than {MOST_LEVELS} levels")
