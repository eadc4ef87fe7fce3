"""The labels that a question is about: what was asked for, as far as the key may see it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query

from callgauge.counted import LABELS
from callgauge_console.web.access import Grant, Reader
from callgauge_console.web.problems import ProblemError

__all__ = ["Filter", "UserFilter", "narrowed"]

_Values = list[Annotated[str, Query(max_length=256)]]


def _asked(**given: list[str]) -> dict[str, list[str]]:
    return {label: values for label, values in given.items() if values}


# A parameter for each label, so that a new label is one line in its table.
_asked.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what FastAPI reads
    [
        inspect.Parameter(
            label,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[_Values, Query(max_length=200, description="Only with this value, or one of these.")],
            default=[],
        )
        for label in LABELS
    ]
)


def narrowed(grant: Grant, where: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What was asked for, and no more than the grant allows.

    Raises:
        ProblemError: nothing is left.
    """
    found = {label: list(values) for label, values in where.items()}
    for label, allowed in grant.labels.items():
        found[label] = [value for value in found.get(label, allowed) if value in allowed]
        if not found[label]:
            raise ProblemError(403, f"this key does not see {label}={', '.join(where[label])}"[:500])
    return found


def _filter(grant: Reader, asked: Annotated[dict[str, Any], Depends(_asked)]) -> dict[str, list[str]]:
    return narrowed(grant, asked)


#: A dependency of routes: label -> values.
Filter = Annotated[dict[str, list[str]], Depends(_filter)]


def _with_users(
    where: Filter,
    user: Annotated[_Values, Query(max_length=100, description="Only calls of this user, or of one of these.")] = [],  # noqa: B006
) -> dict[str, list[str]]:
    return where | ({"user_id": user} if user else {})


#: The same, and users. Windows do not know users: such a question is answered from the calls.
UserFilter = Annotated[dict[str, list[str]], Depends(_with_users)]
