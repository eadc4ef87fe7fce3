"""Which name was meant when one is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from callgauge.line_texts import shown

__all__ = ["nearest", "one_of", "unknown"]

_NONE: Mapping[str, str] = MappingProxyType({})


def nearest(name: str, known: Iterable[str], meant: Mapping[str, str] = _NONE) -> str:
    """The known name that was probably meant, "" if none is near.

    >>> nearest("serivce", ["service", "model"])
    'service'

    Args:
        meant: other words for known names.
    """
    word = name[:60].strip().lower()
    if word in meant:
        return meant[word]
    names = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.replace("-", "_"), names, n=1)
    return names[found[0]] if found else ""


def unknown(
    name: object,
    what: str,
    known: Iterable[str],
    meant: Mapping[str, str] = _NONE,
    *,
    plain: bool = False,
) -> str:
    """A sentence that says that there is no such thing, and what was meant or what there is.

    >>> unknown("threshold", "field of a rule", ["value", "op"], {"threshold": "value"}, plain=True)
    'threshold is no field of a rule; did you mean value?'
    """
    known = list(known)
    guess = nearest(name, known, meant) if isinstance(name, str) else ""
    rest = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}"
    return f"{shown(name, plain=plain)} is no {what}; {rest}"


def one_of(what: str, known: Iterable[str], meant: Mapping[str, str]) -> Callable[[Any], Any]:
    """Make a check that passes known names and raises ValueError for all else."""
    known = tuple(known)

    def check(name: Any) -> Any:
        if name not in known:
            raise ValueError(unknown(name, what, known, meant))
        return name

    return check
