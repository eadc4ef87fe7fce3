"""Map columns of Arrow, from one mapping for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["TEXTS", "map_column"]

#: From text to text.
TEXTS = pa.map_(pa.string(), pa.string())


def map_column(maps: Sequence[Mapping[Any, Any]], kind: pa.DataType = TEXTS) -> pa.Array:
    """From flat lists of keys and values: three times as fast as from lists of pairs."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(list(map(len, maps)))]), pa.int32())
    some = [mapping for mapping in maps if mapping]
    keys = pa.array([key for mapping in some for key in mapping], kind.key_type)
    values = pa.array([value for mapping in some for value in mapping.values()], kind.item_type)
    return pa.MapArray.from_arrays(offsets, keys, values, type=kind)
