"""What a step, or a call, takes over from the span that it is made in: on whose behalf, and for what, it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["INHERITED", "inherited"]

#: Fields that say of a whole request whose it is; those of model, provider and prompt are of one call.
INHERITED = ("service", "environment", "feature", "user_id", "session_id", "variant")


def inherited(fields: Mapping[str, Any], of_span: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with those of INHERITED that they lack, and the span's tags behind their own.

    >>> inherited({"model": "m", "tags": {"k": "own"}}, {"service": "s", "name": "n", "tags": {"k": "1", "l": "2"}})
    {'model': 'm', 'tags': {'k': 'own', 'l': '2'}, 'service': 's'}
    """
    found = dict(fields)
    for name in INHERITED:
        if found.get(name) is None and (value := of_span.get(name)) is not None:
            found[name] = value
    tags, own = of_span.get("tags"), found.get("tags")
    # Exactly a dict: it is copied in one step, whatever another thread does to it, and nothing of the host's runs.
    if type(tags) is dict and (own is None or type(own) is dict):
        more = tags.copy()
        found["tags"] = {**(own or {}), **more, **(own or {})}
    return found
