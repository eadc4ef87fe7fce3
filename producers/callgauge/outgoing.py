"""From a call to the message that a Gauge sends: whatever the call holds, there is one, and the bus takes it."""

from __future__ import annotations

from callgauge.encoding import MAX_BYTES, encode
from callgauge.mending import MENDED, mended_call
from callgauge.schema import Call

__all__ = ["message_of"]


def message_of(call: Call) -> tuple[bytes, bytes]:
    """Key and value of a call's message. Calls of a trace have the same key, so they go to one partition.

    Broken text is repaired; of a call that is larger than a message may be, tags are cut, and left out if that is not
    enough. The call says so, as `callgauge.mending` has it.
    """
    try:
        value = encode(call)
    except ValueError:  # text that is none, in a tag or in a Call that was made unchecked
        value = b""
    if not value or len(value) > MAX_BYTES:
        call = Call(**mended_call(call.model_dump(exclude_none=True, warnings="none")))
        value = encode(call)
    if len(value) > MAX_BYTES:
        call = call.model_copy(update={"tags": {MENDED: "tags: left out, the call was larger than a message may be"}})
        value = encode(call)
    return (call.trace_id or call.event_id).encode(), value
