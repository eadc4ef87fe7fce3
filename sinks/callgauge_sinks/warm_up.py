"""Compile everything that is compiled before a sink joins its group: once it has, others wait for it.

`python -m callgauge_sinks.warm_up` leaves the compiled code on disk; the image is built with it.
"""

from __future__ import annotations

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge_sinks.call_scan import scan_calls
from callgauge_sinks.scanned_columns import scanned_columns
from callgauge_windows.compiler_pages import leave_compiler

__all__ = ["warm_up"]


def warm_up() -> None:
    """Call every compiled function, with arguments of the types that it will get."""
    call = Call(event_id="e", ts=0.0, service="s", tags={"a": "b"})
    for calls in ([call], [call, call]):  # arrays of one row are of a type of their own
        scanned_columns(scan_calls([encode(each) for each in calls]))
    leave_compiler()


if __name__ == "__main__":
    warm_up()
