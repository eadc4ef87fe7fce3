"""Cut off: an answer that ends in the middle.

From the call: 1 where its finish reason says that a limit of tokens was reached, else 0.
From the text: 1 where a block of code or JSON is still open, or a long answer ends without the end of a sentence.

Error on public data: of whole answers over 300 characters (HaluEval) 1.7 % are called cut; of those cut at a
random place in their second third 55 % are found. The finish reason is the better source.
"""

from __future__ import annotations

from callgauge_quality.text import Text

__all__ = ["LIMITS", "is_cut_by_reason", "is_cut_off"]

#: Finish reasons of the providers that mean a limit of tokens, in small letters.
LIMITS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
_LEAST_WORDS = 20
_ENDS = (
    ".",
    "!",
    "?",
    '"',
    "”",
    "'",
    "’",
    ")",
    "]",
    "}",
    "`",
    "*",
    ":",
    ";",
    "|",
    ">",
    "。",
    "！",
    "？",
    "」",
    "…",
    "_",
)


def is_cut_by_reason(finish_reason: str) -> bool:
    """Whether the provider says so."""
    return finish_reason.lower() in LIMITS


def is_cut_off(answer: Text) -> bool:
    """Whether it looks so.

    >>> is_cut_off(Text("```python\\nprint('hello"))
    True
    """
    raw = answer.raw.rstrip()
    if raw.count("```") % 2:
        return True
    if raw[:1] in ("{", "["):
        return raw[-1:] not in ("}", "]")
    if answer.scan.n < _LEAST_WORDS or raw.endswith(_ENDS):
        return False
    last = raw.rpartition("\n")[2].lstrip()
    # Items of lists, lines of verse and signatures end without a stop.
    return len(last.split()) > 8 and not (last[:1] in "-*•#|" or last[:1].isdigit())
