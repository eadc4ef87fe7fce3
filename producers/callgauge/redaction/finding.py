"""What a recogniser finds, and what a recogniser is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

__all__ = ["Finding", "Recogniser", "merged"]


class Finding(NamedTuple):
    """A secret or personal datum at `text[start:end]`; `kind` is a word such as email."""

    start: int
    end: int
    kind: str


class Recogniser(Protocol):
    """Finds one or several kinds in a text. It must take time linear in the length of the text."""

    def find(self, text: str) -> Iterable[Finding]:
        """What is found, in any order, overlapping or not."""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in order, those that overlap made one, which has the kind of the first of them, of equals the longest.

    >>> merged([Finding(4, 9, "card"), Finding(0, 6, "phone"), Finding(9, 12, "email")])
    [Finding(start=0, end=9, kind='phone'), Finding(start=9, end=12, kind='email')]
    """
    found: list[Finding] = []
    for finding in sorted(findings, key=lambda each: (each.start, -each.end)):
        if found and finding.start < found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, finding.end))
        elif finding.start < finding.end:
            found.append(finding)
    return found
