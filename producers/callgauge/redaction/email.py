"""E-mail addresses: what stands around an @, with a domain of two parts or more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.redaction.finding import Finding

__all__ = ["Emails"]

# RFC 5322's atoms in any script. An address begins only where nothing of an address stands before it, and no repeat
# gives back what it took, so each character is looked at a few times at most.
_LOCAL = r"\w.!#$%&'*+/=?^`{|}~-"
_ADDRESS = re.compile(rf"(?<![{_LOCAL}])(?:[{_LOCAL}]++|\"[^\"\s@]++\")@[\w-]++(?:\.[\w-]++)++")


class Emails:
    """Finds `email`.

    >>> [found.kind for found in Emails().find("write to anna.b+x@mail.example.org.")]
    ['email']
    """

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        if "@" in text:
            for match in _ADDRESS.finditer(text):
                yield Finding(match.start(), match.end(), "email")
