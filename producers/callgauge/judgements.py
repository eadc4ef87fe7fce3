"""What is said of calls, as messages for the scores topic: scores, feedback, outcomes, changes of circuit breakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from callgauge.counted import LABELS
from callgauge.encoding import encode
from callgauge.errors import DecodeError
from callgauge.ids import uuid7
from callgauge.mending import mended_mark, mended_score
from callgauge.refs import Ref, RefError, read_ref
from callgauge.schema import Call, Mark, Score, StateChange
from callgauge.transport import Outbound

__all__ = ["Judged", "Origin", "Redact", "feedback_scores", "mark_message", "score_message", "state_change_message"]

#: From the fields of a message to those that may be sent.
Redact = Callable[[Mapping[str, Any]], dict[str, Any]]
#: Who judged, as `Score` has it.
Origin = Literal["heuristic", "judge", "user", "business", "other"]

#: True and False are 1 and 0 here, as everywhere in Python.
_UP = {"up": 1.0, 1: 1.0, "down": 0.0, 0: 0.0, -1: 0.0}


@runtime_checkable
class _HasRef(Protocol):
    @property
    def ref(self) -> str: ...


#: What a judgement is of: a ref, the call or span that `gauge.call` and the like gave, a `Call`, or nothing.
Judged = str | _HasRef | Call | None


def score_message(
    name: str,
    value: Any,
    judged: Judged,
    *,
    origin: str,
    comment: str,
    defaults: Mapping[str, str],
    now_s: float,
    redact: Redact = dict,
) -> tuple[str, Outbound]:
    """The score_id, and the message.

    Args:
        value: a number, or a flag: true is 1.
        defaults: `service` and `environment` of what is judged where nothing says otherwise.
        redact: gives the fields without personal data and secrets.

    Raises:
        DecodeError: it cannot be counted; it says why.
    """
    ref = _ref_of(judged)
    fields = {
        "score_id": uuid7(now_s),
        "ts": now_s,
        "name": name,
        "value": value,
        "origin": origin,
        "comment": comment,
        "service": (ref.service if ref else "") or defaults["service"],
        **({"event_id": ref.event_id, "trace_id": ref.trace_id, "labels": ref.labels} if ref else {}),
    }
    score = Score(**mended_score(Score, redact(fields)))
    return score.score_id, Outbound("scores", (score.trace_id or score.score_id).encode(), encode(score))


def feedback_scores(thumbs: Any, rating: Any) -> list[tuple[str, Any]]:
    """Name and value of each score that a user's feedback makes.

    Raises:
        DecodeError: it says nothing, or thumbs are neither up nor down.
    """
    scores: list[tuple[str, Any]] = []
    if thumbs is not None:
        if not isinstance(thumbs, (bool, int, str)) or (value := _UP.get(thumbs)) is None:
            raise DecodeError("thumbs", "neither up nor down: give True, False, 'up' or 'down'")
        scores.append(("thumbs", value))
    if rating is not None:
        scores.append(("rating", rating))
    if not scores:
        raise DecodeError("feedback", "says nothing: give thumbs or rating")
    return scores


def state_change_message(
    name: str,
    from_: str,
    to: str,
    reason: str,
    labels: Mapping[str, Any],
    defaults: Mapping[str, str],
    now_s: float,
    redact: Redact = dict,
) -> tuple[str, Outbound]:
    """The event_id, and the message.

    Raises:
        DecodeError: it cannot be counted; it says why.
    """
    given = {label: value for label, value in labels.items() if value is not None and label != "service"}
    fields = {
        "event_id": uuid7(now_s),
        "ts": now_s,
        "service": labels.get("service") or defaults["service"],
        "breaker": name,
        "from_state": from_,
        "to_state": to,
        "reason": reason,
        "labels": given,
    }
    change = StateChange(**mended_score(StateChange, redact(fields)))
    return change.event_id, Outbound("scores", change.event_id.encode(), encode(change))


def mark_message(
    text: str,
    at: float | None,
    labels: Mapping[str, Any],
    more: Mapping[str, Any],
    now_s: float,
    redact: Redact = dict,
) -> tuple[str, Outbound]:
    """The mark_id, and the message.

    Args:
        at: since when it holds, epoch seconds; None: from now on.
        labels: whose calls it concerns; without `service` everybody's.
        more: author, url, mark_id.

    Raises:
        DecodeError: it does not say what changed, or a label is none.
    """
    given = {label: value for label, value in labels.items() if value is not None}
    service = given.pop("service", "")
    fields = {"text": text, "effective_from": at, "service": service, "labels": given, **more}
    mended = mended_mark(redact(fields), now_s=now_s)
    mended.setdefault("mark_id", uuid7(now_s))
    mark = Mark(**mended)
    return mark.mark_id, Outbound("rules", f"mark/{mark.mark_id}".encode(), encode(mark))


def _ref_of(judged: Judged) -> Ref | None:
    if judged is None:
        return None
    if isinstance(judged, Call):
        labels = {label: getattr(judged, label) for label in LABELS if label != "service"}
        return Ref(judged.event_id, judged.trace_id, judged.service, labels)
    try:
        return read_ref(judged.ref if isinstance(judged, _HasRef) else judged)
    except RefError as error:
        raise DecodeError("ref", str(error)) from None
