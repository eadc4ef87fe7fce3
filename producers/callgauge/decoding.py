"""Makes decoders: functions from a message's bytes to the struct of its model. They raise DecodeError, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel

from callgauge.errors import DecodeError
from callgauge.structs import struct_of

__all__ = ["decoder_of", "named"]

_PATH = re.compile(r" - at `\$\.?([^`]*)`$")


@cache
def decoder_of(kind: Any) -> Callable[[bytes | None], Any]:
    """Make a function that decodes a message's value to the struct of `kind`.

    `kind` is a model, or a union of models that are told apart by their field `kind`, which one of them may lack. The
    function raises DecodeError naming the field.
    """
    if get_origin(kind) in (Union, UnionType):
        return _tagged_decoder(get_args(kind))
    return _guarded(msgspec.json.Decoder(struct_of(kind)).decode)


def _guarded(decode: Callable[[bytes], Any]) -> Callable[[bytes | None], Any]:
    def decode_value(value: bytes | None) -> Any:
        try:
            if not value:
                raise DecodeError("", "empty message")
            return decode(value)
        except msgspec.ValidationError as error:
            raise named(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DecodeError("", f"not JSON: {error}") from None
        except RecursionError:
            raise DecodeError("", "nested too deep to be read") from None

    return decode_value


def named(error: msgspec.ValidationError) -> DecodeError:
    """The error with its field apart."""
    text = str(error)
    path = _PATH.search(text)
    return DecodeError(path[1] if path else "", _PATH.sub("", text))


class _Tag(msgspec.Struct):
    kind: str = ""


def _tagged_decoder(models: tuple[type[BaseModel], ...]) -> Callable[[bytes | None], Any]:
    """Make a function that reads the field `kind` first, then the struct of that kind."""
    by_tag = {_tag_of(model): msgspec.json.Decoder(struct_of(model)).decode for model in models}
    tag_of = msgspec.json.Decoder(_Tag).decode

    def decode(value: bytes) -> Any:
        kind = tag_of(value).kind
        if kind not in by_tag:
            raise DecodeError("kind", f"{kind!r} is none of {', '.join(filter(None, sorted(by_tag)))}")
        return by_tag[kind](value)

    return _guarded(decode)


def _tag_of(model: type[BaseModel]) -> str:
    field = model.model_fields.get("kind")
    return "" if field is None else str(field.default)
