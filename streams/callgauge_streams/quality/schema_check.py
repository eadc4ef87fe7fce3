"""JSON Schemas, compiled once to functions."""

from __future__ import annotations

import json

from callgauge_quality.answer_format import Check

__all__ = ["schema_check"]


def schema_check(text: str) -> Check:
    """Whether a value is what a JSON Schema allows.

    Raises:
        ValueError: it is no JSON Schema, or the package jsonschema is not installed.
    """
    try:
        import jsonschema
    except ImportError:
        raise ValueError("a schema needs the package jsonschema: pip install 'callgauge[quality]'") from None
    schema = json.loads(text)
    kind = jsonschema.validators.validator_for(schema)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"no JSON Schema: {error.message}") from None
    return kind(schema).is_valid
