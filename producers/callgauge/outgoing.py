"""From what a host gave to the message that a Gauge sends: whatever it is, there is one, and the bus takes it.

Most of the work is done here, on the delivery thread, and not while the host waits in `emit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from callgauge.encoding import MAX_BYTES, encode
from callgauge.mending import MENDED, mended_call
from callgauge.schema import Call
from callgauge.structs import struct_of
from callgauge.taxonomy import settled

__all__ = ["Given", "Outgoing"]

#: What waits to be sent: a `Call`, or fields of one (event_id and service among them) and the time when they were
#: given, in epoch seconds.
Given = Call | tuple[dict[str, Any], float]


class Outgoing:
    """Makes the messages of one Gauge.

    Args:
        defaults: of fields that are left out.
        on_mended: told of each field that was mended, in a few words.
        cost: gives dollars and price_source for the fields of a valid call that has no cost, or None.
        redact: gives the fields without personal data and secrets. It sees them before anything is cut, and again what
            was made text of other things.
    """

    def __init__(
        self,
        defaults: Mapping[str, Any],
        on_mended: Callable[[str], None] = lambda mark: None,
        cost: Callable[[Mapping[str, Any]], tuple[float, str] | None] = lambda call: None,
        redact: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        self._defaults = dict(defaults)
        self._on_mended = on_mended
        self._cost = cost
        self._redact = redact
        self._struct = struct_of(Call)

    def message_of(self, given: Given) -> tuple[bytes, bytes]:
        """Key and value of a message. Calls of a trace have the same key, so they go to one partition.

        Broken text is repaired; of a call that is larger than a message may be, tags are cut, and left out if that is
        not enough. The call says so, as `callgauge.mending` has it.
        """
        if isinstance(given, Call):
            given = self._redacted(given)
            if (cost := self._cost_of(vars(given))) is not None:
                given = given.model_copy(update={"cost_usd": cost[0], "price_source": cost[1]})
            try:
                return _fitting(given)
            except ValueError:  # text that is none, in a tag or in a Call that was made unchecked
                return _fitting(Call(**mended_call(given.model_dump(exclude_none=True, warnings="none"))))
        fields, now_s = given
        full = {**self._defaults, **{name: value for name, value in fields.items() if value is not None}}
        full["service"] = full["service"] or self._defaults["service"]
        full = self._redact(full)
        try:
            value = self._plain(dict(full), now_s)
        except Exception:  # something is odd: each field is looked at by itself
            return _fitting(self._mended(full, now_s))
        if len(value) > MAX_BYTES:
            return _fitting(Call(**msgspec.json.decode(value)))
        return (full.get("trace_id") or full["event_id"]).encode(), value

    def _plain(self, full: dict[str, Any], now_s: float) -> bytes:
        """The message of a call about which nothing is odd; it holds just what was given."""
        if "ts" not in full:
            full["ts"] = now_s - full.get("latency_ms", 0.0) / 1e3
        status = full.get("status", "success")
        meant, error_type = settled(status, full.get("error_type"), full.get("http_status"))
        if meant != status:
            if "status" in full:
                raise ValueError("the status contradicts what else is told of the call")
            full["status"] = meant
            if error_type is not None:
                full["error_type"] = error_type
        msgspec.convert(full, self._struct)  # checks it
        self._fill_in_cost(full)
        return msgspec.json.encode(full)

    def _mended(self, full: dict[str, Any], now_s: float) -> Call:
        fields = self._redact(mended_call(full, now_s=now_s))
        for mark in fields.get("tags", {}).get(MENDED, "").split("; "):
            if mark:
                self._on_mended(mark)
        self._fill_in_cost(fields)
        return Call(**fields)

    def _redacted(self, call: Call) -> Call:
        redacted = self._redact(vars(call))
        changed = {name: value for name, value in redacted.items() if value is not getattr(call, name)}
        return call.model_copy(update=changed) if changed else call

    def _fill_in_cost(self, fields: dict[str, Any]) -> None:
        """Of a valid call that has none, where its model has a price."""
        if (cost := self._cost_of(fields)) is not None:
            fields["cost_usd"], fields["price_source"] = cost

    def _cost_of(self, fields: Mapping[str, Any]) -> tuple[float, str] | None:
        try:
            return self._cost(fields)
        except Exception as error:  # a Call that was made unchecked, or a defect: no call is lost for its price
            self._on_mended(f"cost_usd: not known, {type(error).__name__}")
            return None


def _fitting(call: Call) -> tuple[bytes, bytes]:
    """The message of a valid call, cut until the bus takes it."""
    value = encode(call)
    if len(value) > MAX_BYTES:
        call = Call(**mended_call(call.model_dump(exclude_none=True)))
        value = encode(call)
    if len(value) > MAX_BYTES:
        call = call.model_copy(update={"tags": {MENDED: "tags: left out, the call was larger than a message may be"}})
        value = encode(call)
    return (call.trace_id or call.event_id).encode(), value
