"""Messages as bytes. What reads them is in `codec`, which takes longer to import than a service should wait."""

from __future__ import annotations

import msgspec
from pydantic import BaseModel

__all__ = ["MAX_BYTES", "encode"]

#: Largest message that a Gauge sends, in bytes: the most that brokers take by default. A call has about 545 bytes.
#: Readers have no such limit: they read whatever a broker has taken.
MAX_BYTES = 1_048_576


def encode(message: BaseModel | msgspec.Struct) -> bytes:
    """A message as JSON. Fields of a pydantic model that are None are left out; a struct is written as it is."""
    if isinstance(message, msgspec.Struct):
        return msgspec.json.encode(message)
    return message.model_dump_json(exclude_none=True).encode()
