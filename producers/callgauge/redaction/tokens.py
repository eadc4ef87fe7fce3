"""Keys and tokens of providers, by `token_formats`, and private keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.redaction.finding import Finding
from callgauge.redaction.token_formats import FORMATS

__all__ = ["PrivateKeys", "Tokens"]

#: No token is shorter.
_SHORTEST = 14
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


class Tokens:
    """Finds each kind of `token_formats.FORMATS`."""

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        if len(text) < _SHORTEST:
            return
        lower = text.lower()
        for form in FORMATS:
            if form.needle in lower:
                for match in form.pattern.finditer(text):
                    yield Finding(match.start() - form.before, match.end(), form.kind)


class PrivateKeys:
    """Finds `private_key`: PEM and OpenPGP, from its first line to its last, or to the end of a text that was cut."""

    def find(self, text: str) -> Iterator[Finding]:
        """See `Recogniser.find`."""
        at = 0
        while "-----BEGIN" in text and (begin := _BEGIN.search(text, at)):
            end = _END.search(text, begin.end())
            at = end.end() if end else len(text)
            yield Finding(begin.start(), at, "private_key")
