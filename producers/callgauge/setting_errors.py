"""Turns what pydantic says of bad settings into one line for each: its variable, what it holds, what it may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from callgauge.errors import SettingError
from callgauge.setting_values import allowed_values

__all__ = ["setting_error"]

PREFIX = "CALLGAUGE_"
LONGEST = 80


def setting_error(error: ValidationError, fields: Mapping[str, FieldInfo]) -> SettingError:
    """One line if one setting is bad, else a heading and a line for each."""
    lines = [_line(fault, fields) for fault in error.errors(include_url=False)]
    return SettingError(lines[0] if len(lines) == 1 else "\n  ".join(["bad settings:", *lines]))


def _line(fault: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> str:
    reason = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else ""
    if not fault["loc"]:  # several settings together are wrong, and the reason names them
        return reason
    name = str(fault["loc"][0])
    if name not in fields:
        return f"{PREFIX}{name.upper()}: there is no such setting; see docs/settings.md"
    held = _held(name, fields[name], fault["input"])
    return f"{PREFIX}{name.upper()}: {held} is refused: {reason or 'it may hold: ' + allowed_values(fields[name])}"


def _held(name: str, info: FieldInfo, value: object) -> str:
    """What the setting holds, escaped and cut; not told if a password may be in it."""
    text = value if isinstance(value, str) else repr(value)
    # The path of a webhook is often a secret, and before an @ there may be a password.
    discreet = name == "webhook_url" or (name == "bootstrap_servers" and "@" in text)
    if info.annotation is SecretStr or discreet:
        return "what it holds"
    return repr(value) if len(text) <= LONGEST else f"{text[:LONGEST]!r}..."
