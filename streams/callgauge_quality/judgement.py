"""What a judge is sent, and what its answer says. An answer that is not what was asked for is never guessed at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from callgauge_quality.rubric import Rubric

__all__ = ["Judged", "Structure", "Unparsable", "content_hash", "read_judgement", "request_body"]

#: How an endpoint is told to answer in JSON: by a schema, only as JSON, or by words alone.
Structure = Literal["json_schema", "json_object", "none"]
_MOST_CHARS = 24_000
_decode = msgspec.json.Decoder().decode


class Unparsable(ValueError):
    """A judge's answer that is not what was asked for."""


class Judged(NamedTuple):
    """The texts that are judged."""

    question: str
    source: str
    answer: str
    expected: str = ""


def request_body(rubric: Rubric, judged: Judged, model: str, structure: Structure = "json_schema") -> dict[str, Any]:
    """The body of a chat completion. Texts are cut after 24,000 characters each."""
    asked = rubric.asked(expected=bool(judged.expected))
    criteria = "\n".join(f"- {c.name} ({c.least} to {c.most}): {c.asks}" for c in asked)
    shape = "{" + ", ".join(f'"{c.name}": <{c.least}-{c.most}>' for c in asked) + "}"
    parts = [f"<question>\n{judged.question[:_MOST_CHARS]}\n</question>"]
    if judged.source and judged.source != judged.question:
        parts.append(f"<source>\n{judged.source[:_MOST_CHARS]}\n</source>")
    parts.append(f"<answer>\n{judged.answer[:_MOST_CHARS]}\n</answer>")
    if judged.expected:
        parts.append(f"<expected>\n{judged.expected[:_MOST_CHARS]}\n</expected>")
    system = f"{rubric.system.strip()}\n\nCriteria:\n{criteria}\n\nAnswer with this JSON and nothing else: {shape}"
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": "\n".join(parts)}],
        "temperature": 0,
    }
    if structure == "json_object":
        body["response_format"] = {"type": "json_object"}
    elif structure == "json_schema":
        fields = {c.name: {"type": "integer", "enum": list(range(c.least, c.most + 1))} for c in asked}
        schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "judgement", "strict": True, "schema": schema},
        }
    return body


def read_judgement(text: str, rubric: Rubric, *, expected: bool = False) -> dict[str, float]:
    """Score -> value, for every criterion that was asked.

    Raises:
        Unparsable: it is not JSON, misses a criterion, has another one, or a value off its scale.
    """
    asked = {each.name: each for each in rubric.asked(expected=expected)}
    inside = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        value = _decode(inside.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        raise Unparsable("not JSON") from None
    if not isinstance(value, Mapping) or value.keys() != asked.keys():
        raise Unparsable(f"not an object of {', '.join(asked)}")
    for name, score in value.items():
        whole = isinstance(score, int) and not isinstance(score, bool)
        if not whole or not asked[name].least <= score <= asked[name].most:
            raise Unparsable(f"{name} is no whole number from {asked[name].least} to {asked[name].most}")
    return {name: float(value[name]) for name in asked}


def content_hash(rubric: Rubric, model: str, judged: Judged) -> bytes:
    """What the same question to the same judge is known by."""
    digest = hashlib.sha256()
    for part in (rubric.version, rubric.system, model, *judged):
        data = part.encode("utf-8", "replace")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
