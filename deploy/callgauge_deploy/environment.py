"""Turns settings into environment variables, from which a child process reads the same settings."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import SecretStr

from callgauge.settings import Settings

__all__ = ["PREFIX", "child_environment", "variables_of"]

PREFIX = "CALLGAUGE_"


def variables_of(settings: Settings) -> dict[str, str]:
    """Each setting as an environment variable. Secrets are not masked: use it for a child's environment only."""
    values = ((name, getattr(settings, name)) for name in type(settings).model_fields)
    return {PREFIX + name.upper(): _text(value) for name, value in values if value is not None}


def child_environment(settings: Settings, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a callgauge process: `inherited` (ours by default) with exactly these settings."""
    outer = os.environ if inherited is None else inherited
    return {name: value for name, value in outer.items() if not name.startswith(PREFIX)} | variables_of(settings)


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
