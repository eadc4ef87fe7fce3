"""POSTs notices to a URL as Alertmanager's JSON (version 4), signed as Standard Webhooks has it.

Headers `webhook-id` (the same on every retry of the same news: a receiver drops what it has), `webhook-timestamp` (Unix
seconds) and `webhook-signature` (`v1,` and base64 of HMAC-SHA256 over "id.timestamp.body"; one for each secret, so that
secrets can be changed). Any library of www.standardwebhooks.com verifies it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from callgauge.errors import SettingError
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.alert_json import webhook_json
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory
from callgauge_notify.receivers.web import Web, check_answer
from callgauge_notify.routing.receiver_kinds import WebhookSpec

__all__ = ["WebhookReceiver", "signers_of"]


def signers_of(name: str, secret: SecretStr) -> list[Webhook]:
    """Signs with each secret of a text that holds one or several, separated by blanks.

    Raises:
        SettingError: one is no secret of Standard Webhooks.
    """
    try:
        return [Webhook(text) for text in secret.get_secret_value().split() if _is_secret(text)]
    except ValueError:
        raise SettingError(
            f"receiver {name}: the secret must be `whsec_` and base64 of 24 to 64 random bytes; make one: "
            "python -c \"import base64, os; print('whsec_' + base64.b64encode(os.urandom(24)).decode())\""
        ) from None


def _is_secret(text: str) -> bool:
    if not text.startswith("whsec_") or len(text) < 16:
        raise ValueError
    return True


class WebhookReceiver:
    """See above. Without a secret nothing is signed.

    Args:
        clock: epoch seconds.
    """

    one_by_one = False
    digests = False  # whoever reads groupKey wants groups
    pace_s = 0.0

    def __init__(self, spec: WebhookSpec, web: Web, clock: Callable[[], float] = time.time) -> None:
        self._url = spec.url.get_secret_value()
        self._signers = signers_of(spec.name, spec.secret)
        self._web = web
        self._clock = clock

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        body = json.dumps(webhook_json(notice), separators=(",", ":"))
        answer = self._web.post(self._url, body.encode(), self._headers(notice.id, body))
        check_answer(self._url, answer.status_code, answer.headers, self._clock())
        return NOTHING_KEPT

    def _headers(self, id: str, body: str) -> dict[str, str]:
        at = datetime.fromtimestamp(int(self._clock()), UTC)
        headers = {"webhook-id": f"msg_{id}", "webhook-timestamp": str(int(at.timestamp()))}
        if self._signers:
            signatures = [
                signer.sign(msg_id=headers["webhook-id"], timestamp=at, data=body) for signer in self._signers
            ]
            headers["webhook-signature"] = " ".join(signatures)
        return headers
