"""The identities of alerts; apart from `alerts`, since notifiers need them and no detectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b

__all__ = ["alert_id_of", "fingerprint_of"]


def fingerprint_of(rule: str, labels: Mapping[str, str]) -> str:
    """The identity of an alert: 16 hex digits of its rule and labels."""
    return _hash([rule, sorted(labels.items())])


def alert_id_of(fingerprint: str, starts_at_ms: int) -> str:
    """The identity of one episode of an alert, as 16 hex digits."""
    return _hash([fingerprint, starts_at_ms])


def _hash(content: object) -> str:
    return blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
