"""Reads a part of what a client library gives: an object of its models, or the plain JSON that it was made of."""

from __future__ import annotations

from typing import Any

__all__ = ["first", "items", "part"]


def part(whole: Any, *names: str) -> Any:
    """What lies under `names`, one inside the other; None where any of them is missing.

    >>> part({"usage": {"prompt_tokens": 7}}, "usage", "prompt_tokens")
    7
    >>> part({"usage": None}, "usage", "prompt_tokens") is None
    True
    """
    for name in names:
        if whole is None:
            return None
        whole = whole.get(name) if isinstance(whole, dict) else getattr(whole, name, None)
    return whole


def items(whole: Any, name: str) -> list[Any]:
    """The list that lies under `name`; an empty one where there is none."""
    found = part(whole, name)
    return found if isinstance(found, list) else []


def first(whole: Any, name: str) -> Any:
    """The first of the list that lies under `name`; None where there is none."""
    return next(iter(items(whole, name)), None)
