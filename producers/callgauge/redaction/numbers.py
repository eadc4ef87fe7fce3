"""Card, account and telephone numbers, which are looked for only where digits enough stand near each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.redaction.cards import Cards
from callgauge.redaction.finding import Finding
from callgauge.redaction.ibans import Ibans
from callgauge.redaction.phones import Phones

__all__ = ["NUMBERS", "Numbers"]

#: What they are found as.
NUMBERS = frozenset({"card", "iban", "phone"})

_ENOUGH = re.compile(r"[0-9](?:[^0-9]{0,6}[0-9]){6}")


class Numbers:
    """Finds `card`, `iban` and `phone`."""

    def __init__(self) -> None:
        self._each = (Ibans(), Cards(), Phones())

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        if _ENOUGH.search(text):
            for recogniser in self._each:
                yield from recogniser.find(text)
