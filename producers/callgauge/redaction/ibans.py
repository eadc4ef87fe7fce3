"""International bank account numbers: a country's length, and check digits that fit (ISO 13616, ISO/IEC 7064)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.redaction.finding import Finding

__all__ = ["Ibans", "mod97_holds"]

# Length -> countries, by SWIFT's IBAN registry.
_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FO FK FI GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ XK LT LU MN",
    21: "HR LV LI CH",
    22: "BH BG CR GE DE IE ME RS GB VA",
    23: "GI IQ IL OM SO TL AE",
    24: "AD CZ MD PK RO SA SK ES SE TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MR MC SM",
    28: "AL AZ BY CY DO SV GT HU LB NI PL",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTHS = {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}
_BEGIN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?[0-9]{2}(?=[ -]?[A-Za-z0-9])")


def mod97_holds(iban: str) -> bool:
    """Whether the check digits of an IBAN without blanks fit.

    >>> mod97_holds("DE89370400440532013000"), mod97_holds("DE88370400440532013000")
    (True, False)
    """
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


class Ibans:
    """Finds `iban`, with single blanks or dashes anywhere in it, in either case."""

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        for match in _BEGIN.finditer(text):
            length = _LENGTHS.get(match[0][:2].upper())
            taken = _taken(text, match.start(), length) if length else None
            if taken is not None and mod97_holds(taken[0]):
                yield Finding(match.start(), taken[1], "iban")


def _taken(text: str, start: int, length: int) -> tuple[str, int] | None:
    """The next `length` letters and digits and where they end; None if they are not there, or go on."""
    taken, at = "", start
    while at < len(text) and len(taken) < length:
        char = text[at]
        if char.isascii() and char.isalnum():
            taken += char
        elif char not in " -" or text[at - 1] in " -":
            return None
        at += 1
    if len(taken) < length or (at < len(text) and text[at].isalnum()):
        return None
    return taken, at
