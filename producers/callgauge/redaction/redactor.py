"""Binds the parts together: a text is folded, looked through with and without its markup, and what is found is
replaced."""

from __future__ import annotations

import hmac
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from callgauge.redaction.email import Emails
from callgauge.redaction.finding import Finding, Recogniser, merged
from callgauge.redaction.folding import Folded, fold
from callgauge.redaction.markup import MARKUP, may_hold_markup
from callgauge.redaction.numbers import NUMBERS, Numbers
from callgauge.redaction.tokens import PrivateKeys, Tokens

__all__ = ["FAILED", "STANDARD", "Hook", "Redactor"]

#: What a service gives to redact in its own way: from a text to the text that may leave the process.
Hook = Callable[[str], str]

#: Stands for a text that could not be redacted, so that nothing of it leaves the process.
FAILED = "[redaction_failed]"
#: What is always looked for.
STANDARD: tuple[Recogniser, ...] = (PrivateKeys(), Tokens(), Emails(), Numbers())

#: From a kind and the text that was found to what stands in its place.
Mark = Callable[[str, str], str]
_OWN_KEY = secrets.token_bytes(16)
# Most texts are labels and ids that come again and again, or that no recogniser of ours can find anything in:
# hexadecimal ids with a letter where an account number has none, UUIDs, and what is shorter than any token and has
# fewer digits than any number.
_GENERATED = r"(?=.{16}$|.{32}$)[0-9a-f]{2}[0-9]{0,5}[a-f][0-9a-f]*+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(_GENERATED)
_NOTHING = re.compile(rf"{_GENERATED}|(?!(?:[^0-9]*+[0-9]){{7}})[A-Za-z0-9_./: -]{{0,13}}")
_LONGEST_KNOWN, _MOST_KNOWN = 128, 4096
_DEEPEST = 100


class Redactor:
    """Redacts texts, and values made of texts. Safe to share between threads.

    Args:
        more: recognisers beside the standard ones.
        of_prose: recognisers that only make sense of sentences: they are not asked about labels and ids.
        hook: is given each text that has been redacted; what it returns is sent. When it fails, the text is `FAILED`.
        key: secret of the digests in `identity`; empty: there are none.
        on_failure: told when a recogniser or the hook fails, with the exception.
    """

    def __init__(
        self,
        more: Sequence[Recogniser] = (),
        of_prose: Sequence[Recogniser] = (),
        hook: Hook | None = None,
        key: bytes = b"",
        on_failure: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._recognisers = (*STANDARD, *more)
        self._hook = hook
        self._key = key
        self._on_failure = on_failure
        self._of_prose = of_prose
        self._skips_plain = not more and not of_prose and hook is None
        # Texts without anything in them, as they are: so no secret is kept.
        self._known: set[str] = set()

    def is_clean(self, text: str) -> bool:
        """Whether it is known, without looking for anything, that the text stays as it is."""
        return text in self._known or (self._skips_plain and _NOTHING.fullmatch(text) is not None)

    def text(self, text: str) -> str:
        """The text with `[kind]` in the place of what was found.

        >>> Redactor().text("mail anna@example.org, card 4111 1111 1111 1111")
        'mail [email], card [card]'
        """
        return self.counted(text)[0]

    def counted(self, text: str) -> tuple[str, dict[str, int]]:
        """`text`, and how many of each kind were replaced."""
        if self.is_clean(text):
            return text, {}
        redacted, kinds = self._redacted(text, _mark, self._of_prose)
        self._remember(text, redacted, kinds)
        return redacted, kinds

    def label(self, text: str) -> str:
        """The same for a label, such as the name of a model."""
        if self.is_clean(text):
            return text
        redacted, kinds = self._redacted(text, _mark, ())
        if not self._of_prose:  # else it is not known to be clean of everything
            self._remember(text, redacted, kinds)
        return redacted

    def identity(self, text: str) -> str:
        """The same for an id of a user or session. With a key each mark has a digest, `[email:0f3c9a51be72]`, so that
        users stay apart, and only who has the key can tell whether a digest is of a certain address. An id of letters
        and digits alone is no card, account or telephone number."""
        return self._id(text, self._digest(self._key) if self._key else _mark, _bare(text))

    def id(self, text: str) -> str:
        """The same for an id of a call or trace, which stays unlike any other: without a key its digest is made with
        one of this process. An id that was plainly generated stays as it is, whatever a hook would make of it."""
        return text if _ID.fullmatch(text) else self._id(text, self._digest(self._key or _OWN_KEY), _bare(text))

    def _id(self, text: str, mark: Mark, but: frozenset[str]) -> str:
        return text if self.is_clean(text) else self._redacted(text, mark, (), but)[0]

    def value(self, value: Any) -> Any:
        """A value with every text in it redacted: in mappings (names too), lists, tuples, sets. What is none of these
        is returned as it is. Of bytes the text is taken."""
        return self._value(value, _DEEPEST)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (bytes, bytearray)):
            return self.text(bytes(value).decode(errors="replace"))
        if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return value
        if not depth:
            return FAILED
        if isinstance(value, Mapping):
            return {self._value(name, depth - 1): self._value(inner, depth - 1) for name, inner in value.items()}
        return [self._value(inner, depth - 1) for inner in value]

    def _redacted(
        self, text: str, mark: Mark, more: Sequence[Recogniser], but: frozenset[str] = frozenset()
    ) -> tuple[str, dict[str, int]]:
        """The text, and the counts, with what `more` finds, without the kinds `but`."""
        try:
            findings = merged(found for found in self._findings(text, more) if found.kind not in but)
            redacted = _replaced(text, findings, mark) if findings else text
            kinds = Counter(found.kind for found in findings)
            if self._hook is not None and (hooked := self._hook(redacted)) != redacted:
                if not isinstance(hooked, str):
                    raise TypeError(f"the hook returned {type(hooked).__name__}, not a text")
                redacted = hooked
                kinds["hook"] += 1
            return redacted, dict(kinds)
        except Exception as error:  # nothing may leave that was not looked at
            self._on_failure(error)
            return FAILED, {"redaction_failed": 1}

    def _findings(self, text: str, more: Sequence[Recogniser]) -> Iterable[Finding]:
        folded = fold(text)
        yield from self._found_in(folded, more)
        if may_hold_markup(folded.text):
            yield from self._found_in(folded.without(MARKUP), more)

    def _found_in(self, folded: Folded, more: Sequence[Recogniser]) -> Iterable[Finding]:
        for recogniser in (*self._recognisers, *more):
            for start, end, kind in recogniser.find(folded.text):
                if start < end:
                    yield Finding(*folded.original(start, end), kind)

    def _digest(self, key: bytes) -> Mark:
        def mark(kind: str, found: str) -> str:
            return f"[{kind}:{hmac.digest(key, found.encode(errors='replace'), 'sha256').hex()[:12]}]"

        return mark

    def _remember(self, text: str, redacted: str, kinds: Mapping[str, int]) -> None:
        """Keep a text that is clean and short, so that it is not looked at again."""
        if kinds or redacted != text or len(text) > _LONGEST_KNOWN:
            return
        if len(self._known) >= _MOST_KNOWN:
            self._known = set()
        self._known.add(text)


def _mark(kind: str, found: str) -> str:
    return f"[{kind}]"


def _bare(text: str) -> frozenset[str]:
    """The kinds that are not looked for in an id: of letters and digits alone it is no number of ours."""
    return NUMBERS if text.isalnum() and text.isascii() else frozenset()


def _replaced(text: str, findings: Iterable[Finding], mark: Mark) -> str:
    parts, last = [], 0
    for start, end, kind in findings:
        parts += [text[last:start], mark(kind, text[start:end])]
        last = end
    return "".join([*parts, text[last:]])
