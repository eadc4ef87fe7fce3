"""Reads a rule file, and collects the mistakes in it: which line of which file, which rule, what to do."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from callgauge.errors import RuleError
from callgauge_rules.names import nearest
from callgauge_rules.texts import shown
from callgauge_rules.yaml_values import Mistake, Place, Unreadable, YamlValues

__all__ = ["RuleFile", "read_rule_file"]

_MOST_BYTES = 1_000_000
_MOST_MISTAKES = 20
_FORM = "write `rules:` and below it one `- name: ...` for each rule"


def read_rule_file(path: Path | None) -> RuleFile:
    """Read a file, or the default rules.

    Raises:
        RuleError: it cannot be read, or is no YAML.
    """
    if path is None:
        return RuleFile("default_rules.yaml", files(__package__).joinpath("default_rules.yaml").read_bytes())
    try:
        with path.open("rb") as file:
            return RuleFile(str(path), file.read(_MOST_BYTES + 1))
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror}; CALLGAUGE_RULES_FILE names a YAML rule file") from error


class RuleFile:
    """What a rule file holds.

    Attributes:
        entries: the rules, as they are written; [] if there are none.
    """

    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        text = _decoded(name, raw)
        try:
            values = YamlValues(text)
        except Unreadable as error:
            raise RuleError(f"{name}, line {error.line}: no YAML that can be read here: {error}") from error
        self._lines = values.lines
        self._mistakes = {mistake.at: mistake for mistake in values.mistakes}
        self.entries: list[Any] = self._entries(values.content)

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

    def _place(self, line: int, of: Place) -> str:
        words = [shown(key, plain=True) for key in of if isinstance(key, str)]
        if len(of) > 1 and of[0] == "rules" and isinstance(of[1], int):
            words[0] = self._rule(of[1])
        return ": ".join((f"{self.name}, line {line}", *words))

    def _rule(self, position: int) -> str:
        """A rule's name, or which one it is."""
        rule = self.entries[position]
        name = rule.get("name") if isinstance(rule, dict) else None
        return shown(name, plain=True) if isinstance(name, str) and name else f"rule {position + 1}"

    def _entries(self, content: Any) -> list[Any]:
        """The rules of a file, and notes on what stands in their place."""
        if not isinstance(content, dict):
            found = "the file is empty" if content is None else f"the file holds only {_kind(content)}"
            self.note((), f"{found}; {_FORM}")
            return []
        for key in content.keys() - {"rules"}:
            rest = "did you mean rules?" if nearest(key, ["rules"]) else _FORM
            self.note((key,), f"{shown(key, plain=True)} is no part of a rule file; {rest}", of=())
        entries = content.get("rules", [])
        if not isinstance(entries, list):
            self.note(("rules",), f"is {_kind(entries)}, no list; {_FORM}")
            return []
        if not entries and content.keys() <= {"rules"}:
            self._mistakes.pop(("rules",), None)  # "rules:" without a value; this says better what to do
            self.note(("rules",), f"there is no rule; {_FORM}")
        return entries


def _kind(content: Any) -> str:
    return shown(content) if isinstance(content, list | dict) else "a text"


def _decoded(name: str, raw: bytes) -> str:
    if len(raw) > _MOST_BYTES:
        raise RuleError(f"{name}: the file has more than {_MOST_BYTES:,} bytes; is it a rule file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RuleError(
            f"{name}, line {line}: byte 0x{raw[error.start]:02x} (byte {error.start + 1} of the file) is no UTF-8; "
            "save the file as UTF-8"
        ) from None
