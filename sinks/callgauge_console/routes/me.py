"""GET /v1/me: what the page needs to know first: who asks, what may be done, and what is counted."""

from __future__ import annotations

import importlib.metadata

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["console"])


class Me(BaseModel):
    """Who asks, and where."""

    name: str = Field(description="Of the key; empty: on the machine of a local stack, without a key.")
    scopes: list[str]
    labels: dict[str, list[str]] = Field(description="Label -> the values that may be seen; without a label, all.")
    version: str
    now: float = Field(description="Epoch seconds, by the console's clock.")
    groupings: list[str] = Field(description="The grouping sets that windows are aggregated by.")


@router.get("/me")
def me(parts: Given, grant: Reader) -> Me:
    """Who asks, and what may be asked."""
    return Me(
        name=grant.name,
        scopes=sorted(grant.scopes),
        labels={label: list(values) for label, values in grant.labels.items()},
        version=importlib.metadata.version("callgauge"),
        now=parts.now(),
        groupings=parts.settings.groupings.split(),
    )
