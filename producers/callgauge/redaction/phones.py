"""Telephone numbers: with a + or 00 and the country's code, or as a country writes its own.

Numbers without any sign of being one (ten digits in a row) are left alone: ids and times look the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.redaction.finding import Finding

__all__ = ["Phones"]

# E.164: at most 15 digits. A plus, or 00, then the country; what is written between digits: ( ) / . - and blanks.
_INTERNATIONAL = re.compile(r"(?:(?<![\w+/])\+|(?<![\w.:/+-])00)[(]?[1-9](?:[ ()./-]{0,3}[0-9]){6,14}(?![0-9A-Za-z])")
# A trunk 0 with a digit behind it, 9 to 13 digits: Europe, Africa, most of Asia, Australia.
_TRUNK = re.compile(r"(?<![\w.:/+-])[(]?0[1-9](?:[ ()/.-]{0,2}[0-9]){7,11}(?![0-9A-Za-z:])")
# North America: 3, 3 and 4 digits, of which the first of each area and exchange is 2 to 9.
_AMERICAN = re.compile(
    r"(?<![\w.:/+-])(?:1[ .-])?(?:[(][2-9][0-9]{2}[)][ ]?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?![\w-])"
)
_DATE = re.compile(r"[0-9]{2}([./-])[0-9]{2}\1[0-9]{2,4}")


class Phones:
    """Finds `phone`."""

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        for pattern in (_INTERNATIONAL, _TRUNK, _AMERICAN):
            for match in pattern.finditer(text):
                if not _DATE.match(match[0]):
                    yield Finding(match.start(), match.end(), "phone")
