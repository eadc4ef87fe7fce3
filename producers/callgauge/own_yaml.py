"""A YAML file as texts, lists and mappings that know their lines, so that every mistake can be told with its line.

Scalars are texts, as they are written: 0.1 stays 0.1, and is never a float. Tags and aliases are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from callgauge.errors import SettingError
from callgauge.printable import printable

__all__ = ["Entry", "Source", "read_source"]

_MOST_BYTES = 1_000_000
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One value: a text, a list of entries, or a mapping of texts to entries; None where nothing is written."""

    line: int
    value: str | list[Entry] | dict[str, Entry] | None


class Source:
    """A file that is read, for messages about it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def refuse(self, line: int, what: str) -> NoReturn:
        """Raise SettingError: what is wrong in this line, in a sentence that says what to do."""
        raise SettingError(f"{self.name}, line {line}: {printable(what)}")

    def mapping(self, entry: Entry, what: str) -> dict[str, Entry]:
        """The mapping that must stand here."""
        if not isinstance(entry.value, dict):
            self.refuse(entry.line, f"{what} is a list of `name: value`, but this is {_kind(entry.value)}")
        return entry.value

    def items(self, entry: Entry, what: str) -> list[Entry]:
        """The list that must stand here."""
        if not isinstance(entry.value, list):
            self.refuse(
                entry.line, f"{what} is a list, each entry beginning with `- `, but this is {_kind(entry.value)}"
            )
        return entry.value

    def text(self, entry: Entry, what: str) -> str:
        """The text that must stand here."""
        if not isinstance(entry.value, str) or not entry.value.strip():
            self.refuse(entry.line, f"{what} is a text, but this is {_kind(entry.value)}")
        return entry.value.strip()

    def known(self, found: dict[str, Entry], names: tuple[str, ...], what: str) -> None:
        """Refuse names that are none of these."""
        for name, entry in found.items():
            if name not in names:
                self.refuse(entry.line, f"{shown(name)} is no part of {what}; its parts are {', '.join(names)}")


def shown(text: str) -> str:
    """A text of the file, quoted and cut."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def read_source(path: Path, variable: str, of: str) -> tuple[Source, bytes, Entry]:
    """The file's name for messages, its bytes and what it holds.

    Args:
        variable: the setting that names the file.
        of: what it is a file of, in a word.

    Raises:
        SettingError: it cannot be read, or is no plain YAML.
    """
    source = Source(str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SettingError(f"{path}: {error.strerror}; {variable} names a YAML file of {of}") from error
    if len(raw) > _MOST_BYTES:
        raise SettingError(f"{path}: the file has more than {_MOST_BYTES:,} bytes; is it a file of {of}?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        source.refuse(raw.count(b"\n", 0, error.start) + 1, "this is no UTF-8; save the file as UTF-8")
    return source, raw, _parsed(source, text, variable)


def _parsed(source: Source, text: str, variable: str) -> Entry:
    try:
        import yaml  # not above: only who has a file of prices needs it
    except ModuleNotFoundError as error:
        message = f"{variable} names a file, and pyyaml, which reads it, is not installed: pip install 'pyyaml>=6.0.2'"
        raise SettingError(message) from error
    # Flat files have no use for depth; PyYAML itself would end in Python's limit.
    if "[" * 50 in text.replace(" ", "") or "{" * 50 in text.replace(" ", ""):
        source.refuse(1, "values are nested too deep")
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, (yaml.AliasToken, yaml.TagToken)):
                source.refuse(
                    token.start_mark.line + 1, "aliases (*name) and tags (!name) are not read; write the value"
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.refuse(mark.line + 1 if mark else 1, f"this is no YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        source.refuse(1, f"this is no YAML: {error}".partition("\n")[0])
    return Entry(1, None) if node is None else _entry(source, yaml, node)


def _entry(source: Source, yaml: Any, node: Any) -> Entry:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Entry] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                source.refuse(key.start_mark.line + 1, "a name stands before the colon, not a list or mapping")
            here = key.start_mark.line + 1
            if key.value in found:
                source.refuse(here, f"{shown(key.value)} is given twice, first in line {found[key.value].line}")
            found[key.value] = Entry(here, _entry(source, yaml, value).value)
        return Entry(line, found)
    if isinstance(node, yaml.SequenceNode):
        return Entry(line, [_entry(source, yaml, child) for child in node.value])
    empty = node.style is None and node.value in ("", "~", "null")
    return Entry(line, None if empty else node.value)


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else shown(value)
