"""Shows text of others without letting it act on the terminal that it is printed on.

Labels, error messages and summaries come from whoever sends events. An ESC sequence in them could clear an operator's
screen or hide a line, a bidi control could show a name backwards, a line break could forge a line of a log.
"""

from __future__ import annotations

import json
import re

__all__ = ["json_printable", "printable", "printable_lines"]

# Control characters (C0, DEL, C1), line and paragraph separators, lone surrogates, and what has no width of its own:
# bidi controls, zero-width characters, fillers, tags (Unicode's Default_Ignorable_Code_Point). Variation selectors
# (U+FE00 to U+FE0F) stay, since emoji and CJK need them, and so does a zero-width joiner between two emoji.
_EMOJI = "\u231a-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_JOINER = f"(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}\u2640\u2642])"
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    f"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]|{_JOINER}"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""`text` in one line, with every character that controls a terminal or cannot be seen shown as an escape.

    The escapes are Python's. Ordinary text stays as it is, and so does a backslash: paths and patterns can be copied.
    Texts without a backslash that differ are therefore shown differently; a text that holds the four characters `\x1b`
    looks like one that holds an ESC.

    >>> print(printable("gpt-4o \x1b[2J\u202e µ 価格 👩\u200d💻\n"))
    gpt-4o \x1b[2J\u202e µ 価格 👩‍💻\n
    """
    return _UNPRINTABLE.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Like `printable`, but line breaks stay. For texts whose lines are ours, as an error's or a traceback's."""
    return "\n".join(map(printable, text.split("\n")))


def json_printable(document: str) -> str:
    r"""A JSON document that means the same, in which such characters are written as JSON escapes.

    >>> print(json_printable('{"model": "\x9b2J"}'))
    {"model": "\u009b2J"}
    """
    # Outside of strings JSON has no such characters but line breaks and tabs, and inside of strings it has none of
    # these two.
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in "\n\r\t" else json.dumps(found[0])[1:-1], document)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
