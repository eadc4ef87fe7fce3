"""A long text is redacted and cut, and no half of a secret is left where it was cut."""

from __future__ import annotations

from callgauge.redaction.redactor import Redactor

__all__ = ["MARGIN", "cut_redacted"]

#: Characters that are looked at beyond the cut. A secret that is longer and lies across the cut is seen in part only;
#: private keys alone are longer, and are found by their first line.
MARGIN = 4_096


def cut_redacted(redactor: Redactor, text: str, most: int, *, is_cut: bool = False) -> tuple[str, dict[str, int], bool]:
    """The text redacted and at most `most` characters long, how many of each kind were replaced, whether it was cut.

    Args:
        is_cut: whether the text is the beginning of a longer one: then its last `MARGIN` characters may hold half of a
            secret, which nothing recognises, and are left out.
    """
    longer = len(text) > most + MARGIN
    redacted, kinds = redactor.counted(text[: most + MARGIN] if longer else text)
    if longer or is_cut:
        redacted = redacted[: max(0, len(redacted) - MARGIN)]
    return redacted[:most], kinds, longer or is_cut or len(redacted) > most
