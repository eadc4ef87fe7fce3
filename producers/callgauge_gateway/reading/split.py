"""Takes a body apart into its events: one JSON object, an array, or a line each (NDJSON).

What it is, is seen from the bytes and not from Content-Type, which emitters often get wrong. Each event is decoded by
itself later, so one that is broken costs no other.
"""

from __future__ import annotations

import json
import re

import msgspec

from callgauge.errors import DecodeError

__all__ = ["split_events"]

_RAW = msgspec.json.Decoder(type=msgspec.Raw).decode
_ARRAY = msgspec.json.Decoder(type=list[msgspec.Raw]).decode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_BETWEEN = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
# A string, closed or not, or what begins and ends values.
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]},]', re.DOTALL)
_LENIENT = json.JSONDecoder(strict=False)
# So far is the end of a broken value looked for, in characters; beyond, it ends with the body.
_LONGEST_BROKEN = 200_000


def split_events(body: bytes, most: int) -> list[bytes]:
    """The bytes of each event, as they stand in the body; they need not be JSON.

    Args:
        most: of a body that holds more, it may give just one more than that.

    Raises:
        DecodeError: the body is empty.
    """
    text = body.strip(b" \t\r\n")
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if not text:
        raise DecodeError("", "the body is empty: send a JSON object, an array of them, or one a line")
    if text.startswith(b"["):
        try:
            return [bytes(raw) for raw in _ARRAY(text)]
        except _BROKEN:
            return _lenient_values(text, 1, most)
    if _is_json(text):
        return [text]
    lines = [line for line in map(bytes.strip, text.split(b"\n")) if line]
    if len(lines) > 1 and any(map(_is_object, lines)):
        return lines
    # Objects that are written over several lines, or behind each other in one.
    return _lenient_values(text, 0, most) if text.startswith(b"{") else [text]


def _is_json(text: bytes) -> bool:
    try:
        _RAW(text)
    except _BROKEN:
        return False
    return True


def _is_object(line: bytes) -> bool:
    return line.startswith(b"{") and _is_json(line)


def _lenient_values(raw: bytes, at: int, most: int) -> list[bytes]:
    """The values from a place on, in an array or just behind each other, in which something is no JSON: NaN, bytes that
    are no text, a missing end. One that cannot be read at all ends where its brackets are closed."""
    text = raw.decode("utf-8", "replace")
    in_array = at > 0
    values: list[str] = []
    while len(values) <= most and (at := _end_of(_BETWEEN, text, at)) < len(text):
        if in_array and text[at] == "]":
            values.append(text[at + 1 :].strip())
            break
        end = _end_of_value(text, at)
        values.append(text[at:end])
        at = end
    return [value.encode() for value in values if value]


def _end_of_value(text: str, at: int) -> int:
    try:
        return _LENIENT.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return _end_of_broken(text, at)


def _end_of_broken(text: str, at: int) -> int:
    """Behind the bracket that closes the first one, or before the comma or bracket that ends what has none."""
    depth = 0
    for token in _TOKENS.finditer(text, at, at + _LONGEST_BROKEN):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}" if depth > 1:
                depth -= 1
            case "]" | "}" if depth == 1:
                return token.end()
            case "]" | "}" | "," if depth == 0:
                return max(token.start(), at + 1)
            case _:
                pass
    return len(text)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
