"""PagerDuty's webhook (version 3): its signature, and what somebody did with an incident of ours.

developer.pagerduty.com: header `X-PagerDuty-Signature: v1=` and hex HMAC-SHA256 of the body, several separated by
commas while a secret is changed. Our own events come back too, as those of an integration; only what a person did
counts.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import SecretStr

__all__ = ["Did", "did_in", "is_from_pagerduty"]

_ACTIONS: dict[str, Literal["acknowledge", "resolve"]] = {
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
}


def is_from_pagerduty(secrets: SecretStr, header: str, body: bytes) -> bool:
    """Whether PagerDuty has signed this body.

    Args:
        secrets: of the webhook subscription; several are separated by blanks.
        header: X-PagerDuty-Signature.
    """
    given = [part.strip().encode() for part in header.split(",")]
    right = [
        b"v1=" + hmac.new(secret.encode(), body, sha256).hexdigest().encode()
        for secret in secrets.get_secret_value().split()
    ]
    return any(hmac.compare_digest(each, signature) for each in right for signature in given)


@dataclass(frozen=True, slots=True)
class Did:
    """Somebody did something with an incident.

    Attributes:
        key: the incident's key, which is the dedup_key of our events: the alert's fingerprint.
        at: epoch seconds.
        id: the same when PagerDuty sends the event again.
    """

    action: Literal["acknowledge", "resolve"]
    key: str
    who: str
    at: float
    id: str


def did_in(body: bytes) -> Did | None:
    """What a person did; None if it is something else: another event, or one that an integration caused.

    Raises:
        ValueError: it is no event of PagerDuty.
    """
    event = _mapping(json.loads(body)).get("event")
    if not isinstance(event, dict):
        raise ValueError("event is missing")
    action, agent = _ACTIONS.get(str(event.get("event_type"))), _mapping(event.get("agent"))
    key = _mapping(event.get("data")).get("incident_key")
    if action is None or agent.get("type") != "user_reference" or not isinstance(key, str) or not key:
        return None
    at = datetime.fromisoformat(str(event.get("occurred_at"))).timestamp()
    who = str(agent.get("summary") or agent.get("id") or "somebody")
    return Did(action, key, who, at, f"pagerduty-{event.get('id')}"[:128])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
