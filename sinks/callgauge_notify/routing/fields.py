"""Checks that the fields of the routes file share: names, texts, durations, lists, secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr

from callgauge.durations import duration_ms
from callgauge.line_texts import problem_of_text, shown
from callgauge.texts import joined
from callgauge_rules.matchers import Matcher, known_label, matcher_of

__all__ = ["Duration", "Flag", "Label", "Matchers", "Name", "Secret", "Text", "Whole", "secret_in"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LONGEST_S = 30 * 86_400


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{shown(value)} is no name; use letters, digits, _ - and ., at most 100 in all")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"write a text, not {shown(value)}")
    text = joined(value)
    if problem := problem_of_text(text.replace("\n", " "), 10_000):
        raise ValueError(problem)
    return text


def _duration_s(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    seconds = duration_ms(value if isinstance(value, str) else shown(value)) / 1000
    if seconds > _LONGEST_S:
        raise ValueError(f"{value} is longer than 30d; a state is known for so long")
    return seconds


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in _FLAGS:
        raise ValueError(f"write true or false, not {shown(value)}")
    return _FLAGS[value.lower()]


def _whole(value: Any) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError(f"write a whole number, not {shown(value)}")
    return int(value)


def _matchers(value: Any) -> tuple[Matcher, ...]:
    entries = [value] if isinstance(value, str) else value
    if isinstance(entries, tuple):
        return entries
    if not isinstance(entries, list):
        raise ValueError(f"write a list of conditions, such as [severity>=error, service=chat], not {shown(value)}")
    return tuple(matcher_of(entry) for entry in entries)


def _secret(value: Any) -> SecretStr:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ValueError(f"write a text, not {shown(value)}")
    return SecretStr(value)


def secret_in(path: Path) -> SecretStr:
    """The secret that a file holds, without the line break at its end.

    Raises:
        ValueError: the file cannot be read, or is empty.
    """
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the secret in {path}: {getattr(error, 'strerror', 'no UTF-8')}") from None
    if not text:
        raise ValueError(f"{path} is empty; write the secret into it")
    return SecretStr(text)


Name = Annotated[str, BeforeValidator(_name)]
Text = Annotated[str, BeforeValidator(_text)]
#: Seconds.
Duration = Annotated[float, BeforeValidator(_duration_s)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
Label = Annotated[str, BeforeValidator(known_label)]
Matchers = Annotated[tuple[Matcher, ...], BeforeValidator(_matchers)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
