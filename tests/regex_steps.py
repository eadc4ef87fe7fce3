"""Counts the steps that a backtracking engine, as Python's `re` is one, needs to search a text: each look at one
character is a step. So a test can hold that a pattern takes linear time without looking at a clock.

It reads the pattern as `re` itself does, and gives the same matches (`ends` is compared with `re` in a test). Python's
engine has shortcuts that this has not, so it never needs more steps.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Steps"]

#: There is no public way to ask how a pattern is read.
_parser: Any = importlib.import_module("re._parser")


class Steps:
    """Searches a text for a pattern and counts.

    Attributes:
        count: steps so far.
    """

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.count = 0
        self._text = text
        self._parsed = list(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))

    def spans(self) -> list[tuple[int, int]]:
        """Begin and end of each match, as `finditer` gives them."""
        found, at = [], 0
        while at <= len(self._text):
            self.count += 1
            end = next(self._match(self._parsed, at), None)
            if end is None:
                at += 1
            else:
                found.append((at, end))
                at = max(end, at + 1)
        return found

    def _match(self, items: list[Any], at: int) -> Iterator[int]:
        """The ends of matches of these items at a position, in the order in which the engine tries them."""
        if not items:
            yield at
            return
        (operation, argument), rest = items[0], items[1:]
        for end in self._one(str(operation), argument, at):
            yield from self._match(rest, end)

    def _one(self, operation: str, argument: Any, at: int) -> Iterator[int]:
        if operation in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            if self._is_one(operation, argument, at):
                yield at + 1
        elif operation == "BRANCH":
            for branch in argument[1]:
                yield from self._match(list(branch), at)
        elif operation == "SUBPATTERN":
            yield from self._match(list(argument[3]), at)
        elif operation in ("ASSERT", "ASSERT_NOT"):
            if self._asserted(argument, at) is (operation == "ASSERT"):
                yield at
        elif operation == "AT":
            if self._boundary(str(argument), at):
                yield at
        elif operation == "ATOMIC_GROUP":
            yield from _first(self._match(list(argument), at))
        elif operation == "POSSESSIVE_REPEAT":
            yield from _first(self._repeat(argument, at))
        elif operation == "MAX_REPEAT":
            yield from self._repeat(argument, at)
        else:
            raise NotImplementedError(operation)

    def _repeat(self, argument: Any, at: int) -> Iterator[int]:
        """Greedy. Of what is repeated only the first way to match is tried: ours have no other."""
        least, most, body = argument
        ends = [at]
        items, limit = list(body), len(self._text) + 1 if str(most) == "MAXREPEAT" else most
        while len(ends) <= limit:
            end = next(self._match(items, ends[-1]), None)
            if end is None or end == ends[-1]:
                break
            ends.append(end)
        yield from reversed(ends[least:])

    def _is_one(self, operation: str, argument: Any, at: int) -> bool:
        self.count += 1
        if at >= len(self._text):
            return False
        char = self._text[at]
        if operation == "ANY":
            return char != "\n"
        if operation == "IN":
            negated = str(argument[0][0]) == "NEGATE"
            return any(_is_in(str(kind), value, char) for kind, value in argument) is not negated
        return (ord(char) == argument) is (operation == "LITERAL")

    def _asserted(self, argument: Any, at: int) -> bool:
        direction, body = argument
        if direction > 0:
            return next(self._match(list(body), at), None) is not None
        width = body.getwidth()[0]
        return at >= width and at in self._match(list(body), at - width)

    def _boundary(self, kind: str, at: int) -> bool:
        self.count += 1
        if kind == "AT_BOUNDARY":
            before, after = self._text[at - 1 : at] if at else "", self._text[at : at + 1]
            return (re.match(r"\w", before) is None) is not (re.match(r"\w", after) is None)
        raise NotImplementedError(kind)


def _first(ends: Iterator[int]) -> Iterator[int]:
    end = next(ends, None)
    if end is not None:
        yield end


_CATEGORIES: dict[str, Callable[[str], object]] = {
    "CATEGORY_WORD": re.compile(r"\w").match,
    "CATEGORY_SPACE": re.compile(r"\s").match,
    "CATEGORY_DIGIT": re.compile(r"\d").match,
}


def _is_in(kind: str, value: Any, char: str) -> bool:
    if kind == "RANGE":
        return bool(value[0] <= ord(char) <= value[1])
    if kind == "LITERAL":
        return bool(ord(char) == value)
    if kind == "CATEGORY":
        return bool(_CATEGORIES[str(value)](char))
    return False
