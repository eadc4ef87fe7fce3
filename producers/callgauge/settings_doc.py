"""Makes the page of all settings from their definitions: `python -m callgauge.settings_doc > docs/settings.md`."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from callgauge.settings import Settings

__all__ = ["settings_page", "settings_table"]


def settings_table() -> str:
    """A markdown table: variable, default, what it may hold, meaning."""
    prefix = Settings.model_config["env_prefix"]
    lines = ["| Variable | Default | Values | Meaning |", "|---|---|---|---|"]
    for name, info in Settings.model_fields.items():
        cells = [f"`{prefix}{name.upper()}`", _default(info), _values(info), info.description or ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """The text of docs/settings.md."""
    return (
        "# Settings\n\n"
        "Every setting is an environment variable, read when a process starts. A `.env` file is not read.\n"
        "This page is made from the code: `python -m callgauge.settings_doc > docs/settings.md`.\n\n"
        f"{settings_table()}"
    )


def _default(info: FieldInfo) -> str:
    value: Any = info.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "" if value is None or str(value) == "" else f"`{value}`"


def _values(info: FieldInfo) -> str:
    kind = info.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if kind is SecretStr:
        return "secret text"
    choices = [part for part in get_args(kind) if part is not type(None)] or [kind]
    name = {"str": "text", "int": "integer", "float": "number", "bool": "true, false", "Path": "path"}[
        choices[0].__name__
    ]
    bounds = ", ".join(filter(None, map(_bound, info.metadata)))
    return f"{name}, {bounds}" if bounds else name


def _bound(item: object) -> str:
    if isinstance(item, Ge):
        return f"≥ {item.ge:,}"
    if isinstance(item, Gt):
        return f"> {item.gt:,}"
    if isinstance(item, Le):
        return f"≤ {item.le:,}"
    return ""


if __name__ == "__main__":
    print(settings_page(), end="")
