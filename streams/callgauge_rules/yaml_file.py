"""A configuration file in YAML, and the mistakes in it: which line, which part, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callgauge.errors import RuleError
from callgauge.line_texts import shown
from callgauge_rules.yaml_values import Mistake, Place, Unreadable, YamlValues

__all__ = ["YamlFile", "kind_of", "raw_of"]

_MOST_BYTES = 1_000_000
_MOST_MISTAKES = 20


def raw_of(path: Path, setting: str) -> bytes:
    """The bytes of a file, with one more than are read if it is too large.

    Raises:
        RuleError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror}; {setting}") from error


class YamlFile:
    """What a file holds.

    Attributes:
        what: what kind of file it is, such as "rule file".
        content: texts, lists and mappings, as `YamlValues` has them.
        mistakes: what was noted so far, by place.

    Raises:
        RuleError: it is no YAML.
    """

    what = "file"

    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        text = self._decoded(raw)
        try:
            values = YamlValues(text)
        except Unreadable as error:
            raise RuleError(f"{name}, line {error.line}: no YAML that can be read here: {error}") from error
        self._lines = values.lines
        self._mistakes = {mistake.at: mistake for mistake in values.mistakes}
        self.content: Any = values.content

    def note(self, at: Place, what: str, *, of: Place | None = None) -> None:
        """Take note of a mistake. Of several at one place the first is told.

        Args:
            what: a sentence about the part `of`, which is `at` unless given.
        """
        self._mistakes.setdefault(at, Mistake(at, at if of is None else of, self.line(at), what))

    def refuse_mistakes(self) -> None:
        """Raise RuleError if there are mistakes, with a line for each, in the order of the file."""
        found = sorted(self._mistakes.values(), key=lambda mistake: mistake.line)
        told = [f"{self._place(mistake.line, mistake.of)}: {mistake.what}" for mistake in found]
        if len(told) > _MOST_MISTAKES:
            told[_MOST_MISTAKES:] = [f"{self.name}: and {len(told) - _MOST_MISTAKES} more mistakes"]
        if told:
            raise RuleError("\n".join(told))

    def place(self, at: Place) -> str:
        """Where a part is, for a message: "rules.yaml, line 5: slow: lookback"."""
        return self._place(self.line(at), at)

    def line(self, at: Place) -> int:
        """The line of a part, or of what it is missing from."""
        while at not in self._lines:
            at = at[:-1]
        return self._lines[at]

    def words(self, of: Place) -> list[str]:
        """The part's name, for a message."""
        return [shown(key, plain=True) for key in of if isinstance(key, str)]

    def _place(self, line: int, of: Place) -> str:
        return ": ".join((f"{self.name}, line {line}", *self.words(of)))

    def _decoded(self, raw: bytes) -> str:
        if len(raw) > _MOST_BYTES:
            raise RuleError(f"{self.name}: the file has more than {_MOST_BYTES:,} bytes; is it a {self.what}?")
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise RuleError(
                f"{self.name}, line {line}: byte 0x{raw[error.start]:02x} (byte {error.start + 1} of the file) is no "
                "UTF-8; save the file as UTF-8"
            ) from None


def kind_of(content: Any) -> str:
    """What a value is, for a message."""
    return shown(content) if isinstance(content, list | dict) else "a text"
