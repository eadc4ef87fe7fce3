"""Says in words what a setting may hold, for the page of all settings and for errors."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo

__all__ = ["allowed_values", "choices_of"]

_WORDS = {"str": "text", "int": "integer", "float": "number", "bool": "true, false", "Path": "path"}


def choices_of(info: FieldInfo) -> tuple[str, ...]:
    """The words that a setting may hold; empty if it may hold others."""
    return get_args(info.annotation) if get_origin(info.annotation) is Literal else ()


def allowed_values(info: FieldInfo) -> str:
    """What a setting may hold, e.g. "integer, ≥ 1"."""
    if choices := choices_of(info):
        return ", ".join(choices)
    kind = info.annotation
    if kind is SecretStr:
        return "secret text"
    kinds = [part for part in get_args(kind) if part is not type(None)] or [kind]
    return ", ".join([_WORDS[kinds[0].__name__], *filter(None, map(_bound, info.metadata))])


def _bound(item: object) -> str:
    match item:
        case Ge(ge):
            return f"≥ {ge:,}"
        case Gt(gt):
            return f"> {gt:,}"
        case Le(le):
            return f"≤ {le:,}"
        case MaxLen(length):
            return f"at most {length:,} characters"
    return ""
