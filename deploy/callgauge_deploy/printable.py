"""Makes text of others fit for a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""The text with its control characters written out, so that it can neither move the cursor nor change colours.

    >>> printable("caf\u00e9 \x1b[2J\n")
    'café \\x1b[2J\\n'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
