"""Scores in the shapes that people send: as they are, feedback of users, outcomes of the business, any named metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from callgauge.counted import LABELS
from callgauge.errors import DecodeError
from callgauge.field_reading import number_reader
from callgauge.lenient import score_model
from callgauge.refs import RefError, read_ref
from callgauge_gateway.dialects.event import Event

__all__ = ["SHAPES", "ResolveRef", "Shape", "call_of_ref"]

#: Gives event_id, trace_id, service and labels of a call for the token that was handed out for it.
ResolveRef = Callable[[str], Mapping[str, Any]]
#: From what was sent to scores in the making, of different names; raises DecodeError where it is none.
Shape = Callable[[Mapping[str, Any], ResolveRef], list[Event]]

_RATINGS: dict[Any, float] = {
    True: 1.0,
    False: 0.0,
    **dict.fromkeys(("up", "thumbs_up", "like", "good", "positive", "yes", "true", "+1", "👍"), 1.0),
    **dict.fromkeys(("down", "thumbs_down", "dislike", "bad", "negative", "no", "false", "-1", "👎"), 0.0),
}

_number_of = number_reader(-math.inf, math.inf, whole=False, judgement=True)


def call_of_ref(ref: str) -> Mapping[str, Any]:
    """The call that a token of the SDK (`callgauge.refs`) stands for.

    Raises:
        DecodeError: it is none.
    """
    try:
        return asdict(read_ref(ref))
    except RefError as error:
        raise DecodeError("ref", f"{error}; give event_id, trace_id or labels instead") from None


def score(given: Mapping[str, Any], resolve: ResolveRef) -> list[Event]:
    """A `Score`, or a `StateChange` of a circuit breaker, as it goes on the wire."""
    kind = score_model(given)
    return [Event("score", {**_of_ref(given, resolve), "kind": kind.model_fields["kind"].default})]


def feedback(given: Mapping[str, Any], resolve: ResolveRef) -> list[Event]:
    """What a user said, under the names that the SDK gives it: `thumbs` is up 1 or down 0, `rating` a number as it is.

    A rating that is up or down is thumbs; a `name` goes before the name of one, not of both.
    """
    fields = _of_ref(given, resolve)
    said = [read(found) for field, read in _SAID.items() if (found := fields.pop(field, None)) is not None]
    if fields.get("value") is not None:
        said = [("rating", fields["value"])]
    if not said:
        raise DecodeError("rating", "missing")
    if len(said) > 1:
        fields.pop("name", None)
    return [_judged(fields | {"value": value}, origin="user", name=name) for name, value in dict(said).items()]


def outcome(given: Mapping[str, Any], resolve: ResolveRef) -> list[Event]:
    """What came of a call for the business: `name` and `value`, true or nothing being 1 (it happened), false 0."""
    fields = _of_ref(given, resolve)
    if fields.get("value") is None:
        fields["value"] = 1.0
    return [_judged(fields, origin="business", name=None)]


def metric(given: Mapping[str, Any], resolve: ResolveRef) -> list[Event]:
    """Any named value: `name`, `value`, and labels, in `labels` or beside them."""
    return [_judged(_of_ref(given, resolve), origin="other", name=None)]


SHAPES: dict[str, Shape] = {"scores": score, "feedback": feedback, "outcomes": outcome, "metrics": metric}


def _of_ref(given: Mapping[str, Any], resolve: ResolveRef) -> dict[str, Any]:
    """The fields, with those of the call that `ref` stands for where they are not given."""
    fields = dict(given)
    ref = fields.pop("ref", None)
    if ref is None:
        return fields
    if not isinstance(ref, str):
        raise DecodeError("ref", "a token is text")
    return {**resolve(ref), **fields}


def _judged(fields: dict[str, Any], *, origin: str, name: str | None) -> Event:
    """A score by whom the endpoint is for; labels that stand beside `labels` are put into them."""
    if name is None and not fields.get("name"):
        raise DecodeError("name", "missing")
    fields["name"] = fields.get("name") or name
    if fields.get("origin") is None:
        fields["origin"] = origin
    beside = {label: fields.pop(label) for label in LABELS if label != "service" and label in fields}
    if beside:
        given = fields.get("labels")
        fields["labels"] = {**beside, **(given if isinstance(given, Mapping) else {})}
    fields["kind"] = "score"
    return Event("score", fields)


def _thumbs(given: Any) -> tuple[str, Any]:
    word = given.strip().lower() if isinstance(given, str) else given
    if not isinstance(word, (bool, int, float, str)) or (value := _RATINGS.get(word)) is None:
        raise DecodeError("thumbs", "neither up nor down")
    return "thumbs", value


def _rating(given: Any) -> tuple[str, Any]:
    if isinstance(given, bool) or (isinstance(given, str) and given.strip().lower() in _RATINGS):
        return _thumbs(given)
    if _number_of(given)[0] is None:
        raise DecodeError("rating", "neither up nor down nor a number")
    return "rating", given


_SAID = {"thumbs": _thumbs, "rating": _rating}
