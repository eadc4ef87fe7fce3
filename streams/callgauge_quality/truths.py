"""Questions whose answer is known: one JSON object a line, for `callgauge eval` and for a judge of factual accuracy.

    {"prompt": "What is the capital of Switzerland?", "expected": "Bern", "match": "contains"}

match   how an answer is compared: exact (but for case and white space), contains, regex, number, json; judge: by a
judge only id      names it in reports; the number of its line by default
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

__all__ = ["Truth", "TruthError", "expected_answers", "known_answer", "matches", "parse_truths"]

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?")


class TruthError(ValueError):
    """A file of truths that cannot be read; the message says which line."""


class Truth(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One question."""

    prompt: str
    expected: str
    match: Literal["exact", "contains", "regex", "number", "json", "judge"] = "contains"
    system: str = ""
    id: str = ""


_decode = msgspec.json.Decoder(Truth).decode


def parse_truths(lines: Iterable[str]) -> list[Truth]:
    """The truths of a file; empty lines and those that begin with # are passed over.

    Raises:
        TruthError: see there.
    """
    truths: list[Truth] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            truth = _decode(line)
            if not truth.prompt or not truth.expected:
                raise TruthError("prompt and expected must not be empty")
            if truth.match == "regex":
                re.compile(truth.expected)
        except (msgspec.DecodeError, TruthError, re.error) as error:
            raise TruthError(f"line {number}: {error}") from None
        truths.append(truth if truth.id else msgspec.structs.replace(truth, id=str(number)))
    if not truths:
        raise TruthError("it holds no questions")
    return truths


def matches(truth: Truth, answer: str) -> bool | None:
    """Whether an answer is the expected one; None: only a judge can tell."""
    plain, expected = " ".join(answer.lower().split()), " ".join(truth.expected.lower().split())
    if truth.match == "exact":
        return plain == expected
    if truth.match == "contains":
        return expected in plain
    if truth.match == "regex":
        return re.search(truth.expected, answer) is not None
    if truth.match == "number":
        return _same_number(truth.expected, answer)
    if truth.match == "json":
        return _same_json(truth.expected, answer)
    return None


def expected_answers(truths: Iterable[Truth]) -> dict[str, str]:
    """Question -> expected answer, as a judge looks them up (`asked_key`)."""
    return {asked_key(truth.prompt): truth.expected for truth in truths}


def known_answer(truths: Mapping[str, str], question: str) -> str:
    """The expected answer to a question; empty: it is not known."""
    return truths.get(asked_key(question), "") if truths else ""


def asked_key(question: str) -> str:
    """What a question is known by: case and white space make no difference."""
    return " ".join(question.lower().split())


def _same_number(expected: str, answer: str) -> bool:
    """The last number of the answer is the expected one."""
    found, wanted = _NUMBER.findall(answer), _NUMBER.findall(expected)
    if not found or not wanted:
        return False
    return math.isclose(*(float(text[-1].replace(",", "")) for text in (found, wanted)), rel_tol=1e-9)


def _same_json(expected: str, answer: str) -> bool:
    inside = answer.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        return bool(msgspec.json.decode(inside) == msgspec.json.decode(expected))
    except (msgspec.DecodeError, RecursionError):
        return False
