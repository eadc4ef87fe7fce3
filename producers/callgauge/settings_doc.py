"""Makes the page of all settings from their definitions: `python -m callgauge.settings_doc > docs/settings.md`."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from callgauge.setting_parts.part import Part
from callgauge.setting_values import allowed_values, choices_of
from callgauge.settings import PARTS, Settings

__all__ = ["settings_page", "settings_table"]


def settings_table(part: type[Part]) -> str:
    """A markdown table of the settings of one part: variable, default, what it may hold, meaning."""
    prefix = Settings.model_config["env_prefix"]
    lines = ["| Variable | Default | Values | Meaning |", "|---|---|---|---|"]
    for name, info in part.model_fields.items():
        cells = [f"`{prefix}{name.upper()}`", _default(info), _values(info), info.description or ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """The text of docs/settings.md."""
    parts = [f"\n## {(part.__doc__ or '').rstrip('.')}\n\n{settings_table(part)}" for part in PARTS]
    return (
        "# Settings\n\n"
        "Every setting is an environment variable, read when a process starts. A `.env` file is not read.\n"
        "This page is made from the code: `python -m callgauge.settings_doc > docs/settings.md`.\n" + "".join(parts)
    )


def _default(info: FieldInfo) -> str:
    value: Any = info.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "" if value is None or str(value) == "" else f"`{value}`"


def _values(info: FieldInfo) -> str:
    return ", ".join(f"`{choice}`" for choice in choices_of(info)) or allowed_values(info)


if __name__ == "__main__":
    print(settings_page(), end="")
