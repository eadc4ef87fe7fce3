"""YAML as texts, lists and mappings, with the line of each value.

Only the plain part of YAML is read. Every scalar is a text, as it is written: what it means (a number, a duration, a
name) is up to the field that it stands in. So 010 is ten, and `yes` is never true. Aliases and merge keys (<<) work;
tags do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from callgauge.line_texts import problem_of_text, shown
from callgauge.texts import joined

__all__ = ["Mistake", "Place", "Unreadable", "YamlValues"]

#: The keys and positions that lead to a value: ("rules", 0, "where", "model").
Place = tuple[str | int, ...]

_DEEPEST = 20
# Aliases count as often as they are used, so that a few lines cannot become a million values.
_MOST_VALUES = 100_000
_LONGEST_KEY = 1_000
_NULLS = ("", "~", "null", "Null", "NULL")
_YAML = "tag:yaml.org,2002:"
_MERGE = f"{_YAML}merge"
# What PyYAML calls the scalars that it recognises; here they are all texts.
_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
_TAGS = {f"{_YAML}{kind}" for kind in _KINDS}


class Unreadable(Exception):
    """No value can be read from the text."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong at one place. `of` is the part that the sentence `what` is about."""

    at: Place
    of: Place
    line: int
    what: str


class YamlValues:
    """The values of a text in YAML.

    Attributes:
        content: texts, lists and mappings with texts as keys; None if there is nothing. A list may hold None.
        lines: the line of each value, of a mapping's that of its key.
        mistakes: keys that are given twice (the first one counts) and keys without a value (they are left out).

    Raises:
        Unreadable: it is no YAML, or YAML of a part that is not read.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {(): 1}
        self.mistakes: list[Mistake] = []
        self._visited = 0
        root = _composed(text)
        self.content: Any = None if root is None else self._value(root, (), 0)

    def _value(self, node: yaml.Node, at: Place, depth: int) -> Any:
        line = _line(node)
        self._visited += 1
        if depth > _DEEPEST:
            raise Unreadable(line, f"values are nested deeper than {_DEEPEST} levels, or an alias holds itself")
        if self._visited > _MOST_VALUES:
            raise Unreadable(line, f"there are more than {_MOST_VALUES:,} values (aliases count each time)")
        if node.tag not in _TAGS:
            raise Unreadable(line, f"the tag {shown(node.tag.replace(_YAML, '!!'))} is not read; remove it")
        self.lines.setdefault(at, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*at, i), depth + 1) for i, child in enumerate(node.value)]
        return _text(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, at: Place, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, child in node.value:
            if key.tag == _MERGE:
                continue
            word, line = _key(key), _line(key)
            here = (*at, word)
            if word in first:
                self.mistakes.append(Mistake((*here, line), at, line, _twice(word, first[word])))
                continue
            first[word] = self.lines[here] = line
            found[word] = self._value(child, here, depth + 1)
        for merged in self._merged(node, at, depth):
            found = {**merged, **found}
        self._leave_out_empty(found, at)
        return found

    def _merged(self, node: yaml.MappingNode, at: Place, depth: int) -> Iterator[dict[str, Any]]:
        """The mappings that merge keys name, the most important first."""
        for key, child in node.value:
            if key.tag == _MERGE:
                for part in child.value if isinstance(child, yaml.SequenceNode) else [child]:
                    if not isinstance(part, yaml.MappingNode):
                        raise Unreadable(_line(key), "<< merges a mapping, such as *name; this is none")
                    yield self._value(part, at, depth + 1)

    def _leave_out_empty(self, found: dict[str, Any], at: Place) -> None:
        for word in [word for word, value in found.items() if value is None]:
            del found[word]
            here = (*at, word)
            what = "is empty; write a value, or leave the line out"
            self.mistakes.append(Mistake(here, here, self.lines[here], what))


class _Composer(yaml.SafeLoader):
    """PyYAML's, but it refuses deep nesting before Python's own limit ends it."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, f"values are nested deeper than {_DEEPEST} levels", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _composed(text: str) -> yaml.Node | None:
    """The root of the text's nodes; None if it holds none."""
    loader = None
    try:
        loader = _Composer(text)
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(line, f"the character U+{_code(error.character):04X} is not allowed; remove it") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, _problem(error)) from error
    except (ValueError, OverflowError) as error:
        # PyYAML hands an escape such as "\UFFFFFFFF", which is no character, to chr().
        line = loader.line + 1 if loader else 1
        raise Unreadable(line, "an escape stands for no character, or a number is too large") from error


def _code(character: str | int) -> int:
    return ord(character) if isinstance(character, str) else character


def _problem(error: yaml.MarkedYAMLError) -> str:
    if "single document" in (error.context or ""):
        return "a second document begins here (---); write one document"
    return " ".join(part for part in (error.problem, error.context) if part)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise Unreadable(_line(node), "a key is a word, not a list or mapping (quote a text that begins with { or [)")
    word = joined(node.value)
    if problem := problem_of_text(word, _LONGEST_KEY):
        raise Unreadable(_line(node), f"the key {shown(word)} {problem}")
    return word


def _text(node: yaml.ScalarNode) -> str | None:
    if node.style is None and node.value in _NULLS:
        return None
    text = joined(node.value)
    return text.rstrip("\n") if node.style in ("|", ">") else text


def _twice(word: str, line: int) -> str:
    return f"{shown(word, plain=True)} is given twice, first in line {line}"
