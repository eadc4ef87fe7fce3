"""Reads a rule file, and collects the mistakes in it: which line of which file, which rule, what to do."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from callgauge.line_texts import shown
from callgauge.near_names import nearest
from callgauge_rules.yaml_file import YamlFile, kind_of, raw_of
from callgauge_rules.yaml_values import Place

__all__ = ["SHIPPED", "RuleFile", "raw_rule_file", "read_rule_file"]

#: The rules that come with callgauge, by name.
SHIPPED = {"default": "default_rules.yaml", "seeds": "seed_rules.yaml"}

_FORM = "write `rules:` and below it one `- name: ...` for each rule"


def read_rule_file(path: Path | None) -> RuleFile:
    """Read a file, or the rules that are shipped under this name (a file of that name comes first).

    Args:
        path: None: the default rules.

    Raises:
        RuleError: it cannot be read, or is no YAML.
    """
    return RuleFile(*raw_rule_file(path))


def raw_rule_file(path: Path | None) -> tuple[str, bytes]:
    """The name and the bytes of such a file, with one more than are read if it is too large.

    Raises:
        RuleError: it cannot be read.
    """
    name = "default" if path is None else path.name
    # A path that was made absolute for a child process is meant as well, one to another folder is not.
    if path is None or (name in SHIPPED and path.absolute().parent == Path.cwd() and not path.exists()):
        shipped = SHIPPED[name]
        return shipped, files(__package__).joinpath(shipped).read_bytes()
    return str(path), raw_of(path, "CALLGAUGE_RULES_FILE names a YAML rule file, or is default or seeds")


class RuleFile(YamlFile):
    """What a rule file holds.

    Attributes:
        entries: the rules, as they are written; [] if there are none.
    """

    what = "rule file"

    def __init__(self, name: str, raw: bytes) -> None:
        super().__init__(name, raw)
        self.entries: list[Any] = self._entries(self.content)

    def words(self, of: Place) -> list[str]:
        """The part's name, that of its rule first."""
        words = super().words(of)
        if len(of) > 1 and of[0] == "rules" and isinstance(of[1], int):
            words[0] = self._rule(of[1])
        return words

    def _rule(self, position: int) -> str:
        """A rule's name, or which one it is."""
        rule = self.entries[position]
        name = rule.get("name") if isinstance(rule, dict) else None
        return shown(name, plain=True) if isinstance(name, str) and name else f"rule {position + 1}"

    def _entries(self, content: Any) -> list[Any]:
        """The rules of a file, and notes on what stands in their place."""
        if not isinstance(content, dict):
            found = "the file is empty" if content is None else f"the file holds only {kind_of(content)}"
            self.note((), f"{found}; {_FORM}")
            return []
        for key in content.keys() - {"rules"}:
            rest = "did you mean rules?" if nearest(key, ["rules"]) else _FORM
            self.note((key,), f"{shown(key, plain=True)} is no part of a rule file; {rest}", of=())
        entries = content.get("rules", [])
        if not isinstance(entries, list):
            self.note(("rules",), f"is {kind_of(entries)}, no list; {_FORM}")
            return []
        if not entries and content.keys() <= {"rules"}:
            self._mistakes.pop(("rules",), None)  # "rules:" without a value; this says better what to do
            self.note(("rules",), f"there is no rule; {_FORM}")
        return entries
