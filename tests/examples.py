"""How many examples a property test tries: a part by default, all of them with --long."""

from __future__ import annotations

__all__ = ["examples", "try_all"]

_all = False


def try_all(all_of_them: bool) -> None:
    """Called when the options are known, before a test module is imported."""
    global _all
    _all = all_of_them


def examples(few: int, long: int) -> int:
    """The number to give to `hypothesis.settings(max_examples=...)`."""
    return long if _all else few
