"""What all wire types share: how they are read, and the types of their fields with bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SCHEMA_VERSION", "Count", "Dollars", "EpochSeconds", "Label", "Labels", "Message", "Milliseconds"]

SCHEMA_VERSION = 1

# Epoch seconds between 1970 and 2100: enough for every clock that is merely wrong, and far from 64-bit trouble.
EpochSeconds = Annotated[float, Field(ge=0, le=4_102_444_800)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
Dollars = Annotated[float, Field(ge=0, le=1e9)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
Label = Annotated[str, Field(max_length=256)]
Labels = dict[Label, Label]


class Message(BaseModel):
    """Unknown fields are ignored; numbers are finite; it does not change."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, frozen=True)
