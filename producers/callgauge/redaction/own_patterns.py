"""A service's own patterns, from a YAML file:

    patterns:
      - name: employee_id          # what is found becomes [employee_id]
        regex: 'E-[0-9]{6}'        # a regular expression of Python's re

A pattern that may take time that grows with the square of a text, or worse, is refused as far as that can be seen: one
in which something that repeats without end is itself repeated, or that refers back to a group.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callgauge.own_yaml import Entry, Source, read_source, shown
from callgauge.redaction.finding import Finding

__all__ = ["OwnPattern", "read_own_patterns"]

VARIABLE = "CALLGAUGE_REDACT_PATTERNS_FILE"
_MOST = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class OwnPattern:
    """Finds what one regular expression matches."""

    def __init__(self, name: str, pattern: re.Pattern[str]) -> None:
        self.name = name
        self._pattern = pattern

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        for match in self._pattern.finditer(text):
            yield Finding(match.start(), match.end(), self.name)


def read_own_patterns(path: Path) -> list[OwnPattern]:
    """The patterns of a file.

    Raises:
        SettingError: the file cannot be used; it names the line and says what to do.
    """
    source, _, root = read_source(path, VARIABLE, "patterns")
    top = source.mapping(root, "the file")
    source.known(top, ("patterns",), "the file")
    if "patterns" not in top:
        source.refuse(1, "`patterns:` is missing, a list of entries with name and regex")
    entries = source.items(top["patterns"], "patterns")
    if len(entries) > _MOST:
        source.refuse(entries[_MOST].line, f"more than {_MOST} patterns; put some together with `|`")
    return [_pattern_of(source, entry) for entry in entries]


def _pattern_of(source: Source, entry: Entry) -> OwnPattern:
    parts = source.mapping(entry, "a pattern")
    source.known(parts, ("name", "regex"), "a pattern")
    for name in ("name", "regex"):
        if name not in parts:
            source.refuse(entry.line, f"`{name}:` is missing")
    name = source.text(parts["name"], "name")
    if not _NAME.fullmatch(name):
        source.refuse(parts["name"].line, f"{shown(name)}: a name is of lower-case letters, digits and _, 32 at most")
    return OwnPattern(name, _compiled(source, parts["regex"]))


def _compiled(source: Source, entry: Entry) -> re.Pattern[str]:
    text = source.text(entry, "regex")
    try:
        pattern = re.compile(text)
        parsed = _parse(text)
    except (re.error, RecursionError, OverflowError) as error:
        source.refuse(entry.line, f"regex {shown(text)}: {error}")
    if pattern.match("") is not None:
        source.refuse(entry.line, f"regex {shown(text)} matches an empty text, so it would be found everywhere")
    if (fault := _slow(parsed, in_repeat=False)) is not None:
        source.refuse(
            entry.line, f"regex {shown(text)} {fault}, which may take minutes on some texts; write it without"
        )
    return pattern


def _parse(text: str) -> Any:
    """How Python's own compiler reads a pattern. There is no public way to ask it."""
    return importlib.import_module("re._parser").parse(text)


def _slow(parsed: Any, *, in_repeat: bool) -> str | None:
    """What makes a pattern slow, in a few words, or None."""
    for operation, argument in parsed:
        name = str(operation)
        if name.startswith("GROUPREF"):
            return "refers back to a group"
        repeats = name in ("MAX_REPEAT", "MIN_REPEAT")
        endless = repeats and str(argument[1]) == "MAXREPEAT"
        if in_repeat and endless:
            return "repeats what repeats without end"
        for part in _inner(argument):
            if fault := _slow(part, in_repeat=in_repeat or (repeats and argument[1] > 1)):
                return fault
    return None


def _inner(argument: Any) -> Iterator[Any]:
    """The patterns inside an operation."""
    if hasattr(argument, "data"):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for part in argument:
            yield from _inner(part)
