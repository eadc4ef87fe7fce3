"""All kinds of incidents, by name. A new kind is one entry in the table of a file beside this one."""

from __future__ import annotations

from callgauge_load.incidents import answers, diverted, failing, silent, slow, spending
from callgauge_load.incidents.kind import Kind

__all__ = ["KINDS"]

KINDS: dict[str, Kind] = {
    kind.name: kind for each in (failing, slow, answers, spending, diverted, silent) for kind in each.KINDS
}
