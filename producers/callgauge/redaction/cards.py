"""Numbers of payment cards: a prefix and length that an issuer uses, and a last digit that fits (Luhn, ISO/IEC 7812-1).

The digits may stand in groups, with a blank, dash, dot or slash between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.redaction.finding import Finding

__all__ = ["Cards", "luhn_holds"]

_RUN = re.compile(r"[0-9](?:[ ./_-]{0,2}[0-9]){12,}+")
_GROUP = re.compile(r"[0-9]++")
_LENGTHS = range(13, 20)
# Visa, Mastercard, American Express, Discover, Diners Club, JCB, UnionPay, Maestro, Mir: with how many digits.
_ISSUED = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}"
    r"|3(?:0[0-59]|6[0-9]|[89][0-9])[0-9]{11,16}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|62[0-9]{14,17}"
    r"|(?:50|5[6-8]|6[0-9])[0-9]{11,17}"
    r"|220[0-4][0-9]{12,15}"
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn_holds(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it.

    >>> luhn_holds("4111111111111111"), luhn_holds("4111111111111112")
    (True, False)
    """
    numbers = [int(digit) for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0


class Cards:
    """Finds `card`. In a run of several groups of digits each stretch of whole groups is tried, the longest first."""

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        for run in _RUN.finditer(text):
            groups = [(match.start(), match.end()) for match in _GROUP.finditer(text, run.start(), run.end())]
            first = 0
            while first < len(groups):
                last = _last_group(text, groups, first)
                if last is None:
                    first += 1
                else:
                    yield Finding(groups[first][0], groups[last][1], "card")
                    first = last + 1


def _last_group(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The last group of the longest card that begins with the group `first`."""
    digits, found = "", None
    for at in range(first, min(first + _LENGTHS[-1], len(groups))):
        start, end = groups[at]
        if len(digits) + end - start > _LENGTHS[-1]:
            break
        digits += text[start:end]
        if len(digits) in _LENGTHS and _ISSUED.fullmatch(digits) and luhn_holds(digits):
            found = at
    return found
