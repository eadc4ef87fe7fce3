"""Makes the mapping tables of docs/gateway.md from those in the code: `python -m callgauge_gateway.mapping_doc`."""

from __future__ import annotations

from collections.abc import Iterable

from callgauge_gateway.dialects.gen_ai import GEN_AI, RESOURCE
from callgauge_gateway.dialects.litellm import LITELLM
from callgauge_gateway.dialects.openinference import OPENINFERENCE
from callgauge_gateway.dialects.openllmetry import OPENLLMETRY
from callgauge_gateway.dialects.table import Row

__all__ = ["mapping_tables"]

_TABLES: tuple[tuple[str, Iterable[Row]], ...] = (
    ("OpenTelemetry gen_ai", GEN_AI),
    ("OpenTelemetry resource", RESOURCE),
    ("OpenLLMetry", OPENLLMETRY),
    ("OpenInference", OPENINFERENCE),
    ("LiteLLM", LITELLM),
)


def mapping_tables() -> str:
    """A heading and a markdown table for each dialect: field of the call, the emitter's names, what else is to know."""
    return "\n".join(_table(title, rows) for title, rows in _TABLES)


def _table(title: str, rows: Iterable[Row]) -> str:
    lines = [f"### {title}", "", "| Call | From, the first that is there | |", "|---|---|---|"]
    lines += [f"| {_field(row)} | {', '.join(f'`{name}`' for name in row.names)} | {row.note} |" for row in rows]
    return "\n".join(lines) + "\n"


def _field(row: Row) -> str:
    return "" if row.field.startswith("_") else f"`{row.field}`"


if __name__ == "__main__":
    print(mapping_tables(), end="")
