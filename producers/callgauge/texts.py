"""Text that may be broken or too long is made text that every part of callgauge can carry.

A Python string, and a JSON escape, may hold half of a surrogate pair; no UTF-8 has that, so such a string can neither
be sent nor stored. Two halves that belong together are the character they stand for; a lone half becomes U+FFFD.
"""

from __future__ import annotations

__all__ = ["REPLACEMENT", "is_whole", "joined", "repaired"]

#: Stands for what was no character.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def is_whole(text: str) -> bool:
    """Whether `text` has no half of a surrogate pair, so that it can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def joined(text: str) -> str:
    r"""The text with each surrogate pair joined; a lone half stays.

    >>> joined("\ud83d\udd25 busy")
    '🔥 busy'
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def repaired(text: str) -> str:
    r"""The text with each surrogate pair joined, and each lone half replaced.

    >>> repaired("\ud83d\udd25 busy")
    '🔥 busy'
    >>> repaired("\ud83d busy") == REPLACEMENT + " busy"
    True
    """
    if is_whole(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
