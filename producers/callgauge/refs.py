"""`call.ref`: a short token that says which call a later judgement is of, and in which series it counts.

    "1" + base64url of the JSON array [event_id, trace_id, [label, ...]], without padding

The labels are in the order of `ORDER`; null: not known yet; those that are missing at the end: "". The token is safe
in a URL, a cookie and a file name. It is not signed and not secret: whoever holds one can read the labels, and can make
up another. So a service that takes refs from browsers must expect judgements of anything, as with every button that
anybody can press.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from callgauge.field_reading import id_reader, text_reader
from callgauge.schema import Call

__all__ = ["ORDER", "Ref", "RefError", "read_ref", "ref_of"]

#: The labels (`counted.LABELS`) in a token. A new one goes to the end, so that older tokens stay readable.
ORDER = (
    *("service", "environment", "feature", "endpoint", "operation", "provider", "model", "response_model"),
    *("prompt_version", "variant"),
)

_VERSION = "1"
# Ten labels of 256 characters, each of four bytes that base64 makes six of, are 15 KB.
_LONGEST = 20_000
_LONGEST_LABEL = 256
_id_of, _text_of = id_reader(64), text_reader(_LONGEST_LABEL)
_Content = tuple[str, str, list[str | None]]
_decode = msgspec.json.Decoder(_Content).decode
_DEFAULTS = {label: "" if (info := Call.model_fields[label]).is_required() else info.default for label in ORDER}


class RefError(ValueError):
    """A token that is no ref, or one of a version that is not known. The message does not hold the token."""


@dataclass(frozen=True)
class Ref:
    """The call that a judgement is of."""

    event_id: str
    trace_id: str
    service: str
    labels: dict[str, str]
    """Any of `counted.LABELS` but service. One that is "" the call does not have; one that is missing is not known."""


def ref_of(call: Mapping[str, Any], *, complete: bool) -> str:
    """The token of a call.

    Args:
        call: its fields; odd ones are mended as they are before they are sent.
        complete: whether no more fields will be set: labels that are not here are then known to be their defaults.
    """
    labels = [_label(call, name, complete) for name in ORDER]
    while complete and labels and labels[-1] == "":
        labels.pop()
    content = [_id_of(call["event_id"])[0] or "", _text_of(call.get("trace_id", ""))[0] or "", labels]
    return _VERSION + base64.urlsafe_b64encode(msgspec.json.encode(content)).decode().rstrip("=")


def _label(call: Mapping[str, Any], name: str, complete: bool) -> str | None:
    value = call.get(name)
    text: str | None = None if value is None else _text_of(value)[0]
    return text if text is not None or not complete else _DEFAULTS[name]


def read_ref(token: object) -> Ref:
    """What a token says.

    Raises:
        RefError: it cannot be read.
    """
    if not isinstance(token, str) or not 1 < len(token) <= _LONGEST or not token.isascii():
        raise RefError("it is no ref of a call")
    if token[0] != _VERSION:
        raise RefError("it is no ref of a call, or one of another version of callgauge")
    try:
        padded = token[1:] + "=" * (-len(token[1:]) % 4)
        event_id, trace_id, values = _decode(base64.b64decode(padded, b"-_", validate=True))
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefError("it is no ref of a call, or a part of one") from None
    values += [""] * (len(ORDER) - len(values))
    labels = {name: value for name, value in zip(ORDER, values, strict=False) if value is not None}
    service = labels.pop("service", "")
    if len(event_id) > 64 or any(len(text) > _LONGEST_LABEL for text in (trace_id, service, *labels.values())):
        raise RefError("it is no ref of a call: its texts are too long")
    return Ref(event_id, trace_id, service, labels)
