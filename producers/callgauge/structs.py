"""Makes the msgspec struct of a pydantic model: each field has the same type, bounds and default.

So code that must be fast can read structs, and accepts and refuses the same messages as the models. Tests compare both.
"""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel

__all__ = ["field_type", "nullable_struct_of", "struct_of"]


@cache
def struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """The msgspec struct that reads what `model` reads."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, info in model.model_fields.items():
        kind = field_type(info.annotation, info.metadata)
        if info.is_required():
            fields.append((name, kind))
        else:
            default = info.default
            mutable = isinstance(default, (dict, list))
            fields.append((name, kind, msgspec.field(default_factory=type(default)) if mutable else default))
    return msgspec.defstruct(f"{model.__name__}Struct", fields, kw_only=True, gc=False, module=__name__)


def nullable_struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """The msgspec struct that reads what `model` reads, and null, or nothing, for any field: None."""
    kinds = ((name, field_type(info.annotation, info.metadata)) for name, info in model.model_fields.items())
    fields = [(name, Union[kind, None], None) for name, kind in kinds]  # noqa: UP007 (made at run time)
    return msgspec.defstruct(f"{model.__name__}Nullable", fields, kw_only=True, gc=False, module=__name__)


def field_type(annotation: Any, metadata: list[Any]) -> Any:
    """A pydantic field's type, with its nested models and bounds, as a type for msgspec.

    Args:
        annotation, metadata: those of the field in `model_fields`.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return field_type(args[0], [*list(args[1:]), *metadata])
    if origin in (Union, UnionType):
        inner = [arg if arg is NoneType else field_type(arg, metadata) for arg in args]
        return Union[tuple(inner)]  # noqa: UP007 (made at run time)
    if origin in (list, dict):
        return origin[tuple(field_type(arg, []) for arg in args)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_of(annotation)
    bounds = _bounds(metadata)
    if not bounds or origin is Literal:
        return annotation
    return Annotated[annotation, msgspec.Meta(**bounds)]


def _bounds(metadata: list[Any]) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for item in metadata:
        for part in getattr(item, "metadata", [item]):
            if isinstance(part, Ge):
                bounds["ge"] = part.ge
            elif isinstance(part, Le):
                bounds["le"] = part.le
            elif isinstance(part, MinLen):
                bounds["min_length"] = part.min_length
            elif isinstance(part, MaxLen):
                bounds["max_length"] = part.max_length
    return bounds
