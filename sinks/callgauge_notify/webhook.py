"""Sends alerts to a URL, as signed JSON.

Header `X-Callgauge-Signature: t=<unix seconds>,v1=<hex>`, where v1 is HMAC-SHA256 over "<t>.<body>" with the shared
secret (Stripe's scheme). A receiver computes it again, compares in constant time, and refuses an old `t`. Without a
secret the header is left out. A delivery may come twice: two with the same (`alert_id`, `seq`) are the same one.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from callgauge.codec import encode
from callgauge.schema import Alert
from callgauge_notify.channels import NotDelivered, Refused

__all__ = ["SIGNATURE_HEADER", "WebhookChannel", "signature_of"]

SIGNATURE_HEADER = "X-Callgauge-Signature"


def signature_of(secret: str, unix_s: int, body: bytes) -> str:
    """The value of the signature header of a body that is sent at `unix_s`."""
    digest = hmac.new(secret.encode(), f"{unix_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"


class WebhookChannel:
    """Sends an `Alert` as JSON, by POST.

    An answer of 2xx means that it is delivered. After 408, 429, 5xx or no answer it is to be tried again
    (`NotDelivered`). Every other answer is final (`Refused`).
    """

    name = "webhook"

    def __init__(
        self, url: str, secret: str = "", timeout_s: float = 10.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        # Paths and queries of webhook URLs often hold a token, so messages name only the host.
        self._place = urlsplit(url).hostname or "the webhook"
        self._client = httpx.Client(timeout=timeout_s, headers={"User-Agent": "callgauge"})

    def deliver(self, alert: Alert) -> None:
        """Send the alert once."""
        body = encode(alert)
        headers = {"Content-Type": "application/json"}
        if self._secret:
            headers[SIGNATURE_HEADER] = signature_of(self._secret, int(self._clock()), body)
        try:
            status = self._client.post(self._url, content=body, headers=headers).status_code
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Refused(f"CALLGAUGE_WEBHOOK_URL is not an http(s) URL: {self._place}") from None
        except httpx.HTTPError as error:
            raise NotDelivered(f"{self._place}: {type(error).__name__}") from error
        if status in (408, 429) or status >= 500:
            raise NotDelivered(f"{self._place} answered HTTP {status}")
        if not 200 <= status < 300:
            raise Refused(f"{self._place} answered HTTP {status}")
