"""A part of the settings: fields that belong together. Its docstring is the heading in docs/settings.md."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Part"]


class Part(BaseModel):
    """Not checked on its own, so pydantic need not compile it."""

    model_config = ConfigDict(defer_build=True)
