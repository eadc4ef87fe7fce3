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
_LENIENT = json.JSONDecoder(strict=False)


def split_events(body: bytes) -> list[bytes]:
    """The bytes of each event, as they stand in the body; they need not be JSON.

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
            return _lenient_elements(text)
    if _is_json(text):
        return [text]
    lines = [line for line in map(bytes.strip, text.split(b"\n")) if line]
    # A broken object that was written over several lines is one event, not one a line.
    return lines if len(lines) > 1 and any(map(_is_object, lines)) else [text]


def _is_json(text: bytes) -> bool:
    try:
        _RAW(text)
    except _BROKEN:
        return False
    return True


def _is_object(line: bytes) -> bool:
    return line.startswith(b"{") and _is_json(line)


def _lenient_elements(array: bytes) -> list[bytes]:
    """The elements of an array in which something is no JSON: NaN, bytes that are no text, a missing end.

    What comes after the first element that cannot be read at all is one event, which cannot be read either.
    """
    text = array.decode("utf-8", "replace")
    at = 1
    elements: list[bytes] = []
    while True:
        at = _end_of(_BETWEEN, text, at)
        if at >= len(text):
            return elements
        if text[at] == "]":
            rest = text[at + 1 :].strip()
            return [*elements, rest.encode()] if rest else elements
        try:
            _, end = _LENIENT.raw_decode(text, at)
        except (ValueError, RecursionError):
            return [*elements, text[at:].encode()]
        elements.append(text[at:end].encode())
        at = end


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
