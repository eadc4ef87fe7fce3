"""What `callgauge rules list` and `rules push` print, as rows and as objects. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callgauge_deploy.alert_rows import utc
from callgauge_rules.rule_changes import changes_between
from callgauge_rules.rule_sets import KnownSet, Refused

__all__ = ["SETS", "json_set", "set_rows", "state_of", "told_changes"]

SETS = ("version", "state", "from", "rules", "changes", "by", "written", "why", "file")
Row = tuple[Any, ...]


def state_of(known: KnownSet, sets: Sequence[KnownSet], now_ms: int) -> str:
    """Whether a set is in force, comes later, is over, or never judges since another one has its time."""
    if known.from_ms > now_ms:
        later = [each for each in sets if each.from_ms == known.from_ms and each.offset > known.offset]
        return "replaced" if later else "coming"
    newest = [each for each in sets if each.from_ms <= now_ms][-1]
    return "in force" if known is newest else "over"


def json_set(known: KnownSet, sets: Sequence[KnownSet], now_ms: int) -> dict[str, Any]:
    """Everything of a set."""
    return {
        "version": known.version,
        "state": state_of(known, sets, now_ms),
        "effective_from": None if known.offset < 0 else known.from_ms / 1000,
        "written": None if known.offset < 0 else known.written_ms / 1000,
        "author": known.author,
        "why": known.why,
        "file": known.file,
        "rules": [rule.name for rule in known.rules],
        "changes": _changes(known, sets),
        "text": known.text,
    }


def set_rows(
    sets: Sequence[KnownSet], refused: Sequence[Refused], now_ms: int, *, everything: bool, first: str
) -> list[Row]:
    """The columns of SETS, the one in force longest first; refused ones last.

    Args:
        sets: as `RuleBook.all` has them.
        everything: also those that are over.
        first: where the rules of before all sets come from.
    """
    shown = [each for each in sets if everything or state_of(each, sets, now_ms) in ("in force", "coming")]
    rows: list[Row] = [
        (
            each.version or "(first)",
            state_of(each, sets, now_ms),
            "" if each.offset < 0 else utc(each.from_ms / 1000),
            len(each.placed),
            told_changes(_changes(each, sets)),
            each.author,
            "" if each.offset < 0 else utc(each.written_ms / 1000),
            each.why,
            first if each.offset < 0 else each.file,
        )
        for each in shown
    ]
    return rows + [
        (each.version, "refused", "", "", "", "", utc(each.written_ms / 1000), each.reason.splitlines()[0], "")
        for each in refused
    ]


def told_changes(changes: Sequence[str], most: int = 3) -> str:
    """In a cell: the first ones, and how many there are besides."""
    rest = len(changes) - most
    return "; ".join(changes[:most]) + (f"; and {rest} more" if rest > 0 else "")


def _changes(known: KnownSet, sets: Sequence[KnownSet]) -> list[str]:
    """Against the set that judges before it."""
    before = [each for each in sets if (each.from_ms, each.offset) < (known.from_ms, known.offset)]
    return [str(change) for change in changes_between(before[-1].rules, known.rules)] if before else []
