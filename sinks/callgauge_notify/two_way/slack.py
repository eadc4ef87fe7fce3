"""Slack's interactive payload: its signature and age, and the clicks on the buttons of our messages.

docs.slack.dev: header `X-Slack-Signature: v0=` and hex HMAC-SHA256 of "v0:timestamp:body", with
`X-Slack-Request-Timestamp` at most five minutes away; the body is a form whose field `payload` is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qs

from pydantic import SecretStr
from slack_sdk.signature import Clock, SignatureVerifier

from callgauge_notify.receivers.slack_blocks import BUTTONS

__all__ = ["Click", "clicks_in", "is_from_slack"]


class _At(Clock):
    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now


def is_from_slack(secret: SecretStr, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether Slack has signed this request, for the app with this signing secret, within five minutes.

    Args:
        headers: with names in small letters.
        now: epoch seconds.
    """
    verifier = SignatureVerifier(secret.get_secret_value(), _At(now))
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    try:
        return verifier.is_valid(body, stamp, signature)
    except (
        ValueError,
        TypeError,
    ):  # a timestamp that is no number, bytes that are no text, a signature in other letters
        return False


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody has clicked a button of ours.

    Attributes:
        button: one of `slack_blocks.BUTTONS`.
        id: the same when Slack sends the click again.
        reply_to: where an answer that only this person sees may be POSTed to; "" if nowhere.
    """

    button: str
    alert_id: str
    who: str
    id: str
    reply_to: str = ""


def clicks_in(body: bytes) -> list[Click]:
    """The clicks on our buttons; [] if the payload holds none, such as that of another kind.

    Raises:
        ValueError: it is no payload of Slack.
    """
    fields = parse_qs(body.decode())
    payload = json.loads(fields.get("payload", [""])[0])
    if not isinstance(payload, dict):
        raise ValueError("payload is no object")
    if payload.get("type") != "block_actions":
        return []
    user, found = _mapping(payload.get("user")), []
    for action in payload.get("actions") or []:
        name, value = _mapping(action).get("action_id"), _mapping(action).get("value")
        if name in BUTTONS and isinstance(value, str):
            who = str(user.get("username") or user.get("name") or user.get("id") or "somebody")
            when = f"{_mapping(action).get('action_ts')} {payload.get('trigger_id')} {user.get('id')} {name} {value}"
            id = "slack-" + blake2b(when.encode(), digest_size=12).hexdigest()
            found.append(Click(name, value, who, id, str(payload.get("response_url") or "")))
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
