"""The figures that made-up services are drawn from: summaries of public data sets, with their sources and licences.

`tests/fit_load.py` makes the file; `FIGURES["sources"]` says what each figure was computed from.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["FIGURES"]

FIGURES: dict[str, Any] = json.loads(files(__package__).joinpath("figures.json").read_text("utf-8"))
